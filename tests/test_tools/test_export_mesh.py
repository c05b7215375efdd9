"""Meshes of a dump as files and pictures."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.evaluator import DumpResults
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from dump_factory import write_dump
from mesh_factory import mesh_row, write_mesh_shard
from model_factory import load_tool
from synhand.models.mesh.template import hand_faces


@pytest.fixture(scope='module')
def tool():
    return load_tool('export_mesh')


@pytest.fixture(scope='module')
def dump(tmp_path_factory):
    """Two hands of a set, a right and a left one, predicted as they are."""
    folder = tmp_path_factory.mktemp('dump')
    write_mesh_shard(folder / 'set', 2)
    ids, _ = hand_faces()
    samples = []
    for index in range(2):
        row = mesh_row(index)
        camera = (
            row['camera_matrix'][None]
            if index == 0
            else np.full((1, 3, 3), np.nan)
        )
        sample = PoseDataSample(
            metainfo=dict(
                img_path=f'{folder / "set"}#{index}', camera_matrix=camera
            )
        )
        sample.gt_instances = InstanceData(keypoints=torch.zeros(1, 21, 2))
        sample.pred_instances = InstanceData(
            vertices_cam=row['vertices'][ids][None]
        )
        samples.append(sample.to_dict())
    metric = DumpResults(str(folder / 'mesh@synhand.pkl'))
    metric.process(None, samples)
    metric.evaluate(2)
    return folder / 'mesh@synhand.pkl'


def test_every_kind_of_file(tool, dump, tmp_path):
    tool.main([str(dump), '--out', str(tmp_path), '--overlay', '--turntable'])
    assert {p.name for p in tmp_path.iterdir()} == {
        f'{n}.{kind}'
        for n in range(2)
        for kind in ('obj', 'glb', 'gif', 'png')
    }
    # the overlay of a true mesh lies on its own silhouette
    row = mesh_row(0)
    photo = cv2.imdecode(np.frombuffer(row['image'], np.uint8), 1)
    mask = cv2.imdecode(np.frombuffer(row['mask'], np.uint8), 0) > 0
    drawn = cv2.imread(str(tmp_path / '0.png'))
    changed = np.abs(drawn.astype(int) - photo).max(-1) > 25
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) > 0
    assert changed.sum() > 100
    assert (changed & ~near).sum() < 0.02 * changed.sum()


def test_a_part_and_one_format(tool, dump, tmp_path):
    tool.main(
        [str(dump), '--out', str(tmp_path), '--start', '1', '--format', 'obj']
    )
    assert [p.name for p in tmp_path.iterdir()] == ['1.obj']


def test_dumps_without_this_mesh_end_in_one_line(
    tool, dump, tmp_path, monkeypatch
):
    plain = write_dump(tmp_path / 'a@b.pkl', count=1)
    with pytest.raises(SystemExit, match='sample 0: .* no vertices_cam'):
        tool.main([str(plain), '--out', str(tmp_path / 'out')])
    other = np.arange(3), np.array([[0, 1, 2]])
    monkeypatch.setattr(tool, 'hand_faces', lambda mano: other)
    with pytest.raises(SystemExit, match='expected 3 vertices .* got 1596'):
        tool.main([str(dump), '--out', str(tmp_path / 'out')])
