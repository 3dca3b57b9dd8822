#!/usr/bin/env python3
"""planted_faults.py BUILD: tools/check-layers finds each of the faults planted in a copy of the tree, and none in the copy itself."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def copy_tree(build, scratch):
    for folder in ["include", "dataplane", "control"]:
        shutil.copytree(ROOT / folder, scratch / folder)
    (scratch / "tools").mkdir()
    shutil.copy(ROOT / "tools/check-layers", scratch / "tools/check-layers")
    shutil.copytree(build / "dataplane", scratch / "build/dataplane", ignore=shutil.ignore_patterns("*.a"))


def check(scratch):
    run = subprocess.run([scratch / "tools/check-layers", scratch / "build"], capture_output=True, text=True)
    return run.returncode, run.stdout


def include(path, line):
    def plant(scratch):
        target = scratch / path
        text = target.read_text()
        target.unlink()
        target.write_text(f"{line}\n{text}")

    return plant


def compile_object(path, text):
    def plant(scratch):
        target = scratch / "build/dataplane" / path
        subprocess.run(["cc", "-fPIC", "-x", "c", "-c", "-", "-o", target], input=text, text=True, check=True)

    return plant


def rename_symbol(path, old, new):
    def plant(scratch):
        target = scratch / "build/dataplane" / path
        renamed = target.with_suffix(".renamed")
        subprocess.run(["objcopy", f"--redefine-sym={old}={new}", target, renamed], check=True)
        renamed.replace(target)

    return plant


PIPELINE = "pipeline/libpipeline.a.p"
FAULTS = [
    (include("dataplane/pipeline/decide.c", "#include <stdio.h>"), "decide.c: includes stdio.h"),
    (include("dataplane/wire/uri.c", '#include "../table/flows.h"'), "uri.c: includes ../table/flows.h"),
    (include("dataplane/io/pool.c", "#include <rte_mbuf.h>"), "pool.c: includes rte_mbuf.h"),
    (include("dataplane/table/name_set.c", "# include <sys/socket.h>"), "name_set.c: includes sys/socket.h"),
    (include("include/weir/span.h", "#include <stdio.h>"), "span.h: includes stdio.h"),
    (include("control/base/text.c", '#include "../../dataplane/table/flows.h"'), "text.c: includes ../../dataplane"),
    (compile_object(f"{PIPELINE}/planted.c.o", "void *malloc(unsigned long);\nvoid *p(void);\nvoid *p(void) { return malloc(1); }"),
     "pipeline/planted.c: needs malloc"),
    (compile_object("table/libtable.a.p/planted.c.o", "int socket(int, int, int);\nint s(void);\nint s(void) { return socket(1, 1, 0); }"),
     "table/planted.c: needs socket"),
    (compile_object("top.c.o", "void SSL_free(void *);\nvoid t(void);\nvoid t(void) { SSL_free(0); }"), "top.c.o: needs SSL_free"),
    (rename_symbol(f"{PIPELINE}/rewrite.c.o", "edit_apply", "malloc"), "the stages reach malloc"),
    (rename_symbol(f"{PIPELINE}/parse.c.o", "parse_burst", "parse_one"), "the stages: parse_burst is nowhere"),
]


def main():
    build = pathlib.Path(sys.argv[1])
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        clean = pathlib.Path(folder) / "clean"
        copy_tree(build, clean)
        status, output = check(clean)
        if status != 0:
            print(f"the tree itself has faults:\n{output}")
            return 1
        for number, (plant, expected) in enumerate(FAULTS):
            scratch = pathlib.Path(folder) / str(number)
            shutil.copytree(clean, scratch, copy_function=os.link)  # who plants puts a new file in place of the link
            plant(scratch)
            status, output = check(scratch)
            if status == 0 or expected not in output:
                print(f"missed: {expected}\n{output}")
                missed += 1
    print(f"{len(FAULTS)} faults planted, {len(FAULTS) - missed} found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
