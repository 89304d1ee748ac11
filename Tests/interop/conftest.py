import pytest

from everything import Everything
from gateway import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One running gateway for the tests of a file."""
    running = Gateway(tmp_path_factory.mktemp("gateway")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def everything():
    """One running fixture server for the tests of a file."""
    running = Everything()
    yield running
    assert running.stop() == 0


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running():
    """A test that fails halfway leaves its gateway behind; the run ends what it started."""
    yield
    for process in Gateway.started:
        if process.poll() is None:
            process.kill()
            process.wait(10)
