"""lab core-tls: Kamailio is the core, over TLS; edges keep one connection to it, and one to another in reserve."""

import functools
import os
import sys

from lab import kamailio, runner
from lab.core_streams import DRAWING, CoreCluster, lab
from lab.transport import TLS

if __name__ == "__main__":
    if not os.path.exists(kamailio.TLS_MODULE):
        print("kamailio-tls-modules is not installed\nlab core-tls: 0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    runner.run("core-tls", DRAWING, functools.partial(CoreCluster, TLS), lab)
