"""Step 1 of docker_init.sh: is config.yaml one that this host can be initialised with?"""

import sys

from omsflow import judge, settings as oms


def main(arguments):
    if len(arguments) != 2 or arguments[0] != "--check":
        sys.exit("usage: python -m omsflow.scripts.units.oms_cluster_config --check CONFIG")
    print(f"use config {arguments[1]}")
    try:
        settings = oms.load(arguments[1])
        complaints = oms.check(settings)
    except oms.BadSettings as error:
        settings, complaints = None, [str(error)]
    judge.pace("check")
    for complaint in complaints:
        print(f"config check failed: {complaint}")
    if complaints:
        judge.record("config_refused", {"complaints": complaints}, violation=True, settings=settings)
        sys.exit(1)
    judge.record("check_done", {"cm_nodes": oms.nodes(settings)})
    print("config check passed")


if __name__ == "__main__":
    main(sys.argv[1:])
