import pytest

from gateway import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One running gateway for the tests of a file."""
    running = Gateway(tmp_path_factory.mktemp("gateway")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def folder(tmp_path):
    return tmp_path
