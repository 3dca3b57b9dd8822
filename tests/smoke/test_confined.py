"""A running edge in its sandbox: what every thread of both programs has given up, and that reloads and commands work all the same."""

import os
import pwd
import signal
import subprocess
import unittest

from lab import programs
from test_streams import READY_S, Scene, until

FOR_SOCKETS = 1 << 10 | 1 << 12  # CAP_NET_BIND_SERVICE, CAP_NET_ADMIN
FOR_ROOT = 1 << 0 | 1 << 1  # CAP_CHOWN, CAP_DAC_OVERRIDE


def threads(pid):
    """/proc/PID/task/*/status, a mapping a thread."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return next(line.split()[4:6] for line in file if line.startswith("Max core file size"))


@unittest.skipIf(programs.missing(), "the programs have not been built")
class Confined(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)

    def pid(self, name):
        return self.scene.running[name].pid

    def is_ready(self):
        return self.scene.is_ready()

    def test_every_thread_has_given_up_what_it_does_not_need(self):
        kept = {"dataplane": 0, "edge": FOR_SOCKETS | FOR_ROOT, "core": FOR_SOCKETS | FOR_ROOT}
        for name, capabilities in kept.items():
            count = 0
            for status in threads(self.pid(name)):
                count += 1
                self.assertEqual(status["Seccomp"], "2", name)
                self.assertEqual(status["NoNewPrivs"], "1", name)
                self.assertEqual(int(status["CapPrm"], 16) & ~capabilities, 0, name)
            # Streams and the store have threads of their own.
            self.assertGreaterEqual(count, {"dataplane": 3, "edge": 3, "core": 1}[name])
            self.assertEqual(core_limit(self.pid(name)), ["0", "0"], name)

    def test_a_renewed_certificate_and_a_changed_file_are_seen_by_a_reload(self):
        self.scene.authority.issue("edge", ["edge1.test", "edge.test"])
        settings = self.scene.edge_settings()
        settings["flows"] = {"park": "7s"}
        # As editors do it: another file of the same name.
        self.scene.write("renewed", settings)
        os.rename(f"{self.scene.folder}/renewed.yaml", f"{self.scene.folder}/edge.yaml")
        self.scene.running["edge"].send_signal(signal.SIGHUP)
        self.assertTrue(until(lambda: "reloaded" in self.scene.log("edge")), self.scene.log("edge"))
        self.assertIn("flows.park", self.scene.log("edge"))
        self.assertTrue(until(self.is_ready))

    def test_certificates_elsewhere_wait_for_a_restart_and_do_no_harm(self):
        folder = f"/tmp/weir-elsewhere-{os.getpid()}"
        os.mkdir(folder)
        self.addCleanup(lambda: subprocess.run(["rm", "-r", folder], check=True))
        settings = self.scene.edge_settings()
        for key in ("certificate", "key"):
            path = f"{folder}/{key}"
            subprocess.run(["cp", settings["tls"][0][key], path], check=True)
            settings["tls"][0][key] = path
        self.scene.write("edge", settings)
        self.scene.running["edge"].send_signal(signal.SIGHUP)
        self.assertTrue(until(lambda: "reloaded" in self.scene.log("edge")), self.scene.log("edge"))
        self.assertIn("may not read", self.scene.log("edge"))
        self.assertTrue(until(self.is_ready))

    def test_it_goes_on_with_a_dataplane_that_is_started_again(self):
        self.scene.running["dataplane"].kill()
        self.scene.running["dataplane"].wait()
        self.assertTrue(until(lambda: not self.is_ready()))
        self.scene.start("dataplane", programs.DATAPLANE, "--link", f"{self.scene.folder}/link.sock")
        self.assertTrue(until(self.is_ready, READY_S), self.scene.log("edge"))
        self.assertIsNone(self.scene.running["edge"].poll())

    @unittest.skipIf(os.getuid() != 0, "only root can become another user")
    def test_it_becomes_the_user_that_it_is_told_and_serves_as_that(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        self.scene.running["edge"].terminate()
        self.assertEqual(self.scene.running["edge"].wait(READY_S), 0)
        # The dataplane's socket, too.
        subprocess.run(["chown", "-R", "nobody", self.scene.folder], check=True)
        self.scene.start("edge", programs.CONTROL, "--user", "nobody", "--config", f"{self.scene.folder}/edge.yaml")
        self.assertTrue(until(self.is_ready, READY_S), self.scene.log("edge"))
        for status in threads(self.pid("edge")):
            self.assertEqual(status["Uid"].split(), [str(nobody)] * 4)
            self.assertEqual(int(status["CapPrm"], 16) & ~FOR_SOCKETS, 0)
        self.assertEqual(os.stat(f"{self.scene.folder}/edge.sock").st_uid, nobody)


if __name__ == "__main__":
    unittest.main()
