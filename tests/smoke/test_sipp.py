"""Reading what sipp says of itself."""

import os
import tempfile
import unittest

from lab.sipp import Agent, Sipp, statistics_read

HEAD = "StartTime;SuccessfulCall(P);SuccessfulCall(C);FailedCall(P);FailedCall(C);Retransmissions(C);OutOfCallMsgs(C);DeadCallMsgs(C);\n"


class Ended:
    """A process that has ended with a status."""

    def __init__(self, status: int) -> None:
        self._status = status

    async def wait(self, _patience_s: float) -> int:
        return self._status


class Statistics(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    async def judge(self, *rows: str, status: int = 0) -> list[str]:
        run = Sipp(Agent("bob", None, ("127.0.0.1", 5060), {}), "callee", self.folder.name, calls=10)
        run._process = Ended(status)
        with open(f"{self.folder.name}/sipp-bob-callee-0.csv", "w", encoding="ascii") as file:
            file.write(HEAD + "\n".join(rows) + "\n")
        return await run.judge()

    def test_the_last_line_counts_and_only_what_is_cumulative(self):
        path = os.path.join(self.folder.name, "x.csv")
        with open(path, "w", encoding="ascii") as file:
            file.write(HEAD + "now;1;1;0;0;0;0;0;\nnow;0;10;0;2;3;0;0;\n")
        self.assertEqual(statistics_read(path), {"SuccessfulCall": 10, "FailedCall": 2, "Retransmissions": 3, "OutOfCallMsgs": 0,
                                                 "DeadCallMsgs": 0})

    async def test_all_calls_well_at_the_first_attempt_are_no_complaint(self):
        self.assertEqual(await self.judge("now;1;1;0;0;0;0;0;", "now;9;10;0;0;0;0;0;"), [])

    async def test_a_call_that_is_missing_is_one(self):
        self.assertEqual(await self.judge("now;9;9;0;0;0;0;0;"), ["sipp bob: SuccessfulCall 9, not 10"])

    async def test_a_request_that_had_to_be_repeated_is_one(self):
        self.assertEqual(await self.judge("now;10;10;0;0;1;0;0;"), ["sipp bob: Retransmissions 1, not 0"])

    async def test_statistics_that_are_missing_are_one(self):
        run = Sipp(Agent("carol", None, ("127.0.0.1", 5060), {}), "callee", self.folder.name)
        run._process = Ended(0)
        self.assertIn("sipp carol: SuccessfulCall missing, not 1", await run.judge())

    async def test_an_exit_status_is_one_whatever_was_counted(self):
        self.assertEqual(await self.judge("now;10;10;0;0;0;0;0;", status=97), ["sipp bob: exit status 97: it says no error"])


if __name__ == "__main__":
    unittest.main()
