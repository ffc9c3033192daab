"""What docker_cmd.sh does before supervisord: directories for the logs, nginx's file, for upgrades all files."""

import os
import pwd

from omsflow import component_files, judge, settings as oms


def main():
    ds = pwd.getpwnam("ds")
    for path in ("ghana/Ghana", "cm/log", "supervisor"):
        os.makedirs(f"/home/admin/logs/{path}", exist_ok=True)
    for path in ("/home/admin/logs/supervisor", "/home/ds/store", "/home/ds/run"):
        os.chown(path, ds.pw_uid, ds.pw_gid)
    # Root and the user ds both write here.
    with open(judge.JOURNAL, "a", encoding="utf-8"):
        os.chmod(judge.JOURNAL, 0o666)
    try:
        settings = oms.load()
        component_files.write_front(settings)
        if os.environ.get("IS_UPGRADE") == "true":
            component_files.write_all(settings)
    except oms.BadSettings as error:
        print(f"prepare: {error}; nginx starts with its default ports")
        component_files.write_front({})


if __name__ == "__main__":
    main()
