from __future__ import annotations

import json
import subprocess

import pytest
import torch

from epochal.verbs import environment as module
from epochal.verbs.environment import commit, environment, processor


def test_the_environment_can_be_written_into_a_record() -> None:
    found = environment(torch.device("cpu"))
    assert json.loads(json.dumps(found)) == found
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    assert found["accelerator"] is None
    assert processor()


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("no git"), subprocess.TimeoutExpired("git", 10), subprocess.CalledProcessError(128, "git")],
)
def test_without_git_there_is_no_commit_and_no_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(module.subprocess, "run", fail)
    assert commit() is None
