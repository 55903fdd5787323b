import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from epochal.core.fault import InputFault, MemoryFault
from epochal.data.frame import CentreSquare, RandomResizedCrop
from epochal.data.image_folder import open_image_folder
from epochal.data.images import Pictures
from epochal.data.sampler import Plan
from epochal.data.source import open_data
from epochal.data.stream import materialise, stream


@pytest.fixture
def split(image_folder):
    return open_image_folder(image_folder({"train/cat": 20, "train/dog": 17, "val/cat": 1}), "it").train


def steps(samples: int, start: int, stop: int):
    return ((epoch, index.numpy()) for epoch, index in Plan(samples, 8, seed=3).steps(start, stop))


def batches(split, frame, workers: int, start: int = 0, stop: int = 11) -> list[torch.Tensor]:
    return list(stream(split, frame, steps(len(split), start, stop), seed=5, workers=workers))


@pytest.mark.parametrize("frame", [CentreSquare(24), RandomResizedCrop(24)])
def test_the_same_bits_for_any_number_of_workers(split, frame):
    here = batches(split, frame, workers=0)
    assert [tuple(batch.shape) for batch in here] == [(8, 24, 24, 3)] * 11
    for workers in (1, 2, 3):
        there = batches(split, frame, workers)
        assert len(there) == len(here)
        assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_a_stream_can_begin_at_any_step(split):
    whole = batches(split, RandomResizedCrop(24), workers=0)
    rest = batches(split, RandomResizedCrop(24), workers=2, start=6)
    assert all(torch.equal(a, b) for a, b in zip(whole[6:], rest, strict=True))


def test_a_crop_depends_on_seed_epoch_and_index_only(split):
    frame, index = RandomResizedCrop(24), np.array([4, 9])

    def crops(epoch: int, places: np.ndarray, seed: int = 5) -> torch.Tensor:
        (batch,) = stream(split, frame, [(epoch, places)], seed=seed, workers=0)
        return batch

    assert torch.equal(crops(2, index)[1], crops(2, index[::-1].copy())[0])
    assert not torch.equal(crops(2, index), crops(3, index))
    assert not torch.equal(crops(2, index), crops(2, index, seed=6))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_global_random_state_is_not_touched(split, workers):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    batches(split, RandomResizedCrop(24), workers)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_file_is_named_without_a_traceback(split, workers):
    bad = Path(split.where(13))
    bad.write_bytes(b"no picture at all")
    with pytest.raises(InputFault, match="is no picture") as fault:
        batches(split, CentreSquare(24), workers)
    assert str(bad) in fault.value.what
    assert "Traceback" not in str(fault.value)
    assert fault.value.remedy


def test_a_stream_that_is_left_early_leaves_no_process(split):
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    before = children.read_text()
    running = stream(split, CentreSquare(24), steps(len(split), 0, 10_000), seed=5, workers=2)
    next(running)
    assert children.read_text() != before
    running.close()
    assert children.read_text() == before


class Deadly(Pictures):
    """Kills the process that asks for picture 9, as the system does when memory is full."""

    def framed(self, index, frame, draws):
        if index == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().framed(index, frame, draws)


def test_a_killed_worker_is_told_as_a_lack_of_memory():
    split = Deadly(np.zeros((20, 8, 8, 3), dtype=np.uint8), np.zeros(20, dtype=np.int64), "it")
    plan = [(0, np.array([place])) for place in range(20)]
    handler = signal.getsignal(signal.SIGCHLD)
    with pytest.raises(MemoryFault, match="was killed"):
        list(stream(split, CentreSquare(8), plan, seed=5, workers=1))
    assert signal.getsignal(signal.SIGCHLD) is handler


PARENT = """
    import sys
    import numpy as np
    from epochal.data.frame import CentreSquare
    from epochal.data.images import Pictures
    from epochal.data.stream import stream

    split = Pictures(np.zeros((10, 9, 9, 3), dtype=np.uint8), np.zeros(10, dtype=np.int64), "it")
    plan = ((0, np.arange(10)) for _ in range(10**9))
    batches = stream(split, CentreSquare(8), plan, seed=0, workers=2)
    {before}
    next(batches)
    children = open(f"/proc/self/task/{{__import__('os').getpid()}}/children").read().split()
    print(*children, flush=True)
    {after}
"""


def parent(before: str, after: str) -> tuple[subprocess.Popen, list[int]]:
    script = textwrap.dedent(PARENT).format(before=before, after=after)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    return process, [int(child) for child in process.stdout.readline().split()]


def alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed():
    process, workers = parent("", "next(iter(sys.stdin), None); [next(batches) for _ in range(10**9)]")
    assert len(workers) == 2
    assert all(alive(worker) for worker in workers)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        os.sched_yield()
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_group_leaves_the_workers_to_the_parent(number):
    handle = f"import signal; got = []; signal.signal({int(number)}, lambda *_: got.append(1))"
    # After the signal the parent still gets as many batches as it wants.
    after = (
        "[next(batches) for _ in iter(got.__len__, 1)]; [next(batches) for _ in range(50)]; print('saved', flush=True)"
    )
    process, workers = parent(handle, after)
    assert len(workers) == 2
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=60)
    assert "saved" in output
    assert process.returncode == 0
    assert not any(alive(worker) for worker in workers)


def test_pictures_in_memory_can_be_streamed():
    pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 9, 1), dtype=np.uint8)
    split = Pictures(pixels, np.zeros(10, dtype=np.int64), "it")
    (batch,) = stream(split, CentreSquare(9), [(0, np.arange(10))], seed=0, workers=0)
    np.testing.assert_array_equal(batch[3, ..., 1].numpy(), pixels[3, 1:10, :, 0])


def test_materialised_pictures_are_the_streamed_ones(split):
    kept = materialise(split, CentreSquare(24))
    (batch,) = stream(split, CentreSquare(24), [(0, np.arange(len(split)))], seed=0, workers=0)
    assert torch.equal(kept, batch)
    assert torch.equal(materialise(split, CentreSquare(24), workers=2), kept)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_the_right_size_are_taken_as_they_are(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (300, 8, 8, channels), dtype=np.uint8)
    kept = materialise(Pictures(pixels, np.zeros(300, dtype=np.int64), "it"), CentreSquare(8))
    np.testing.assert_array_equal(kept.numpy(), np.broadcast_to(pixels, (300, 8, 8, 3)))
    assert kept.is_contiguous()


def test_what_would_not_fit_is_refused_before_memory_is_taken():
    split = Pictures(np.zeros((1, 4, 4, 3), dtype=np.uint8), np.zeros(1, dtype=np.int64), "it")

    class Endless(Pictures):
        def __len__(self) -> int:
            return 10**12

    with pytest.raises(InputFault, match="1,000,000,000,000 pictures of 256 x 256 take"):
        materialise(Endless(split.pixels, split.labels, "it"), CentreSquare(256))
    with pytest.raises(InputFault, match="a random crop cannot be kept"):
        materialise(split, RandomResizedCrop(8))


@pytest.mark.real_data
def test_imagenette_streams_the_same_with_workers():
    split = open_data("imagenette", offline=True).train
    one = batches(split, RandomResizedCrop(224), workers=0, stop=4)
    two = batches(split, RandomResizedCrop(224), workers=2, stop=4)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
