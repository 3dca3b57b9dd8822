"""lab core-tcp: Kamailio is the core, over TCP; edges keep one connection to it, and one to another in reserve."""

import functools

from lab import runner
from lab.core_streams import DRAWING, CoreCluster, lab
from lab.transport import TCP

if __name__ == "__main__":
    runner.run("core-tcp", DRAWING, functools.partial(CoreCluster, TCP), lab)
