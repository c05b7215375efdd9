import io
import os
import pickle

import numpy as np
import pytest
import torch
from torch import storage

from dump_factory import write_dump
from synhand.dumps import read_samples
from synhand.evaluation.leaderboard.dumps import read_dump


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Inner:
    """A tensor's memory with another pickle inside."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        buffer = io.BytesIO()
        torch.save(self.content, buffer)
        return storage._load_from_bytes, (buffer.getvalue(),)


def write(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_a_dump_of_the_stock_tool_is_read(tmp_path):
    dump = read_dump(write_dump(tmp_path / 'small@rhd.pkl', count=3))
    assert (dump.model, dump.benchmark) == ('small', 'rhd')
    assert len(dump.samples) == 3
    scores = dump.samples[0]['pred_instances']['keypoint_scores']
    assert torch.equal(scores, torch.ones(1, 21))
    points = dump.samples[2]['gt_instances']['keypoints_cam']
    assert points.shape == (1, 21, 3) and points.dtype == np.float64


def test_the_name_of_the_dataset_says_the_benchmark(tmp_path):
    dump = read_dump(write_dump(tmp_path / 'small.pkl', 2, name='onehand10k'))
    assert (dump.model, dump.benchmark) == ('small', 'onehand10k')
    for name in ('hand_json', 'ho3d', ''):
        path = write_dump(tmp_path / 'small.pkl', 2, name=name)
        with pytest.raises(ValueError, match='MODEL@BENCHMARK.pkl'):
            read_dump(path)


@pytest.mark.parametrize('protocol', [0, 2, 4, 5])
def test_plain_numpy_and_torch_types_of_any_protocol(tmp_path, protocol):
    sample = dict(
        gt_instances=dict(
            a=np.arange(6.0).reshape(2, 3),
            b=np.float32(2),
            c=np.array(['x', 'y']),
        ),
        pred_instances=dict(d=torch.arange(3.0), e=torch.Size([1, 2])),
        shape=(3, 4),
        names={'x'},
        raw=b'\x00\xff',
        nothing=None,
    )
    path = write(tmp_path / 'a@b.pkl', [sample], protocol)
    (found,) = read_samples(path)
    np.testing.assert_array_equal(
        found['gt_instances']['a'], sample['gt_instances']['a']
    )
    assert found['gt_instances']['b'] == 2
    assert found['gt_instances']['c'].tolist() == ['x', 'y']
    assert torch.equal(
        found['pred_instances']['d'], sample['pred_instances']['d']
    )
    for key in ('shape', 'names', 'raw', 'nothing'):
        assert found[key] == sample[key]


@pytest.mark.parametrize(
    ('function', 'name'),
    [
        (os.system, 'system'),
        (eval, 'eval'),
        (getattr, 'getattr'),
        (io.open, 'open'),
        (np.load, 'load'),
        (torch.load, 'load'),
    ],
)
@pytest.mark.parametrize('protocol', [2, 4])
def test_a_pickle_that_calls_is_refused_by_name(
    tmp_path, function, name, protocol
):
    mark = tmp_path / 'mark'
    call = Call(function, f'touch {mark}')
    path = write(tmp_path / 'a@b.pkl', [call], protocol)
    with pytest.raises(ValueError, match=rf'refused: .*\.{name}; a dump') as e:
        read_samples(path)
    assert str(path) in str(e.value) and '\n' not in str(e.value)
    assert not mark.exists()


def test_a_pickle_inside_a_tensor_is_refused(tmp_path):
    mark = tmp_path / 'mark'
    path = write(tmp_path / 'a.pkl', [Inner(Call(os.system, f'touch {mark}'))])
    with pytest.raises(ValueError, match='refused'):
        read_samples(path)
    assert not mark.exists()


def test_what_is_no_dump_ends_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.pkl: no such file'):
        read_samples(tmp_path / 'none.pkl')
    path = tmp_path / 'a.pkl'
    path.write_bytes(b'not a pickle')
    with pytest.raises(ValueError, match='a.pkl: refused'):
        read_samples(path)
    for content in ([], {'a': 1}):
        with pytest.raises(ValueError, match='expected a list of data sam'):
            read_samples(write(path, content))
    sample = dict(gt_instances={}, pred_instances=3)
    for wrong in (sample, 5):
        with pytest.raises(ValueError, match='sample 0: .*_instances: expec'):
            read_samples(write(path, [wrong]))
