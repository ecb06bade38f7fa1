"""What the tests of storage share: a folder, and a user whom permissions bind."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

# linux/capability.h: the version of the structs, and the two powers by which root overrides permissions.
VERSION_3 = 0x20080522
DAC_OVERRIDE, DAC_READ_SEARCH = 1 << 1, 1 << 2


class Header(ctypes.Structure):
    """Whose capabilities: pid 0 is the calling thread."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Capabilities(ctypes.Structure):
    """One half of the sets; those below 32 stand in the first."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that is taken away whatever its permissions have become."""
    path = Path(tempfile.mkdtemp(prefix="eoi-"))
    yield path
    for each in (path, *path.rglob("*")):
        each.chmod(0o700)
    shutil.rmtree(path)


@contextmanager
def bound() -> Iterator[None]:
    """Let permissions bind this thread: root, whom they do not, lays down its power to override them."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "capset"):
        pytest.skip("root is bound by no permission here, and cannot be: run the tests as another user too")
    header, sets = Header(VERSION_3, 0), (Capabilities * 2)()
    assert libc.capget(ctypes.byref(header), sets) == 0
    before = sets[0].effective
    sets[0].effective = before & ~(DAC_OVERRIDE | DAC_READ_SEARCH)
    assert libc.capset(ctypes.byref(header), sets) == 0
    try:
        yield
    finally:
        sets[0].effective = before
        assert libc.capset(ctypes.byref(header), sets) == 0


@pytest.fixture
def plain_user() -> Callable[[], AbstractContextManager[None]]:
    """Return a `with` in which permissions bind, also where the tests are run by root."""
    return bound
