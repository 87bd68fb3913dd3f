"""Start a command so that it sees little and can use little. Linux and macOS; stdlib only.

    python -I jail.py '{"argv": [...], "folder": "...", ...}'

The grader starts this file as its own process. Each wall is one function below:

- `new_namespaces` (Linux): own mounts, own process table, own network with nothing but itself.
  When the first process of the table ends, the kernel ends all others: nothing survives.
- `build_view`: home and temporary folders, the checkout, the master, the other submissions become
  empty; only Python and the packages are let in again, through windows.
- `limit`: processor time, memory, processes, size of a file.
- `drop`: another user, who owns nothing, and no way back.

Without root, a user namespace gives the same walls where the kernel allows it.
"""

import ctypes
import json
import os
import signal
import sys

if sys.platform != "win32":
    import resource

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 36, 38

#: Folders that are emptied in any case; what is needed from them is let in through windows.
ALWAYS_HIDDEN = ("/tmp", "/var/tmp", "/dev/shm", "/root", "/home", "/mnt", "/media")


def main() -> None:
    """Read the order, build the walls, become the command."""
    order = json.loads(sys.argv[1])
    _end_with_parent()
    if order["namespaces"]:
        new_namespaces()
        build_view(order["needed"], order["hidden"], order["folder"])
        _in_first_process(lambda: _become(order))
    elif sys.platform == "linux":
        _adopting(lambda: _become(order))
    else:
        _become(order)


def new_namespaces() -> None:
    """Leave the common mounts, process table and network."""
    flags = _NEWNS | _NEWPID | _NEWNET | _NEWIPC
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        flags |= _NEWUSER
    _call("unshare", flags)
    if uid != 0:  # the same user inside, so that the capabilities end at exec
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _mount("none", "/", None, _REC | _PRIVATE, None)


def build_view(needed: list[str], hidden: list[str], folder: str) -> None:
    """Empty every hidden folder, with windows onto the needed ones; make `folder` writable.

    Parameters
    ----------
    needed : list of str
        Folders that the command reads: Python, packages.
    hidden : list of str
        Folders that it must not read.
    folder : str
        An existing folder; on top of it lies the command's own, in memory. The files in it are
        copied there.
    """
    files = {name: _bytes(os.path.join(folder, name)) for name in os.listdir(folder)}
    covered = _topmost([*ALWAYS_HIDDEN, *hidden, *_unreadable([*needed, folder])])
    paths = {os.path.abspath(path) for path in needed} | {os.path.realpath(path) for path in needed}
    windows = {
        path: os.open(path, os.O_PATH)  # keeps hold of what will be covered
        for path in _topmost(paths)
        if any(_within(path, top) for top in covered)
    }
    for top in covered:
        roomy = top in ("/tmp", "/var/tmp", "/dev/shm")
        _tmpfs(top, "size=256m,mode=1777" if roomy else "size=1m,mode=755")
    for path, handle in windows.items():
        os.makedirs(path, exist_ok=True)
        _mount(f"/proc/self/fd/{handle}", path, None, _BIND | _REC, None)
        os.close(handle)
    for path in map(os.path.realpath, hidden):  # those that lie inside a window
        if any(_within(path, window) for window in windows) and os.path.isdir(path):
            _tmpfs(path, "size=1m,mode=000")
    os.makedirs(folder, exist_ok=True)
    _tmpfs(folder, "size=256m,mode=1777")
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def limit(limits: dict) -> None:
    """Bound processor seconds, bytes of memory, processes and bytes of a file."""
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError) as error:  # macOS refuses RLIMIT_AS
            print(f"jail: {name} is not enforced here ({error}).", file=sys.stderr)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def drop(uid: int | None) -> None:
    """Become user and group `uid`, with no other groups and no way back."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        _call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _in_first_process(command) -> None:
    """Fork into the new process table: its first process waits for the command, then ends all."""
    first = os.fork()
    if first == 0:
        _end_with_parent()
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV, None)
        _loopback_up()
        child = os.fork()
        if child == 0:
            command()
        while True:
            pid, status = os.wait()
            if pid == child:
                os._exit(_code(status))
    _, status = os.waitpid(first, 0)
    os._exit(_code(status))


def _adopting(command) -> None:
    """Without a process table of its own: adopt whatever the command leaves behind, and end it."""
    _call("prctl", _SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        command()
    _, status = os.waitpid(child, 0)
    for _ in range(1000):
        left = children(os.getpid())
        if not left:
            break
        for pid in left:
            os.kill(pid, signal.SIGKILL)  # its own children come to this process next
            os.waitpid(pid, 0)
    os._exit(_code(status))


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it has ended meanwhile
        if int(parent) == pid and state != "Z":
            found.append(int(name))
    return found


def _become(order: dict) -> None:
    if order["namespaces"]:
        os.setsid()
    limit(order["limits"])
    drop(order["uid"])
    if not order["namespaces"]:
        _end_with_parent()
    os.chdir(order["folder"])
    os.execv(order["argv"][0], order["argv"])


def _end_with_parent() -> None:
    """Should the grader itself be ended, nothing goes on without it."""
    if sys.platform == "linux":
        _call("prctl", _SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _loopback_up() -> None:
    """The new network has one interface, which is down: the kernel's sockets need it."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        fcntl.ioctl(end, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))


def _unreadable(paths: list[str]) -> list[str]:
    """The ancestors through which another user can't pass."""
    found = []
    for path in paths:
        while (path := os.path.dirname(path)) != "/":
            if not os.stat(path).st_mode & 0o001:
                found.append(path)
    return found


def _topmost(paths) -> list[str]:
    """Existing folders among `paths`, without those that lie inside another."""
    real = sorted({os.path.realpath(path) for path in paths if os.path.isdir(path)} - {"/"})
    return [path for path in real if not any(_within(path, top) for top in real if top != path)]


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(top + "/")


def _tmpfs(path: str, options: str) -> None:
    _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, options)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    words = [word if word is None else word.encode() for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), None if options is None else options.encode())


def _call(name: str, *arguments) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", str(arguments[:2]))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
