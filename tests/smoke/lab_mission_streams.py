"""lab mission-streams: a call over TCP, TLS or WebSocket outlives its edge; phones with one flow connect again by themselves."""

from lab import runner
from lab.cluster import Cluster
from lab.mission import DRAWING, lab
from lab.transport import STREAMS

if __name__ == "__main__":
    runner.run("mission-streams", DRAWING, lambda driver: Cluster(transports=STREAMS, driver=driver), lab)
