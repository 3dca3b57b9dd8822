"""lab mission: a call over UDP outlives its edge."""

from lab import runner
from lab.cluster import Cluster
from lab.mission import DRAWING, lab

if __name__ == "__main__":
    runner.run("mission", DRAWING, Cluster, lab)
