"""ONNX files equal the models they were made of."""

import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import synhand.registry  # noqa: F401
from model_factory import CONFIG, load_tool, write_checkpoint
from synhand import recipes
from synhand.apis import export

_SIZE = (64, 48)


def _model(family=0, **head):
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config = recipes.latent25d_model(
        recipes.resnet18_half(), 64, _SIZE, in_index=0, **head
    )
    model = MODELS.build(config)
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return export.ExportableModel(model.eval(), family).eval()


def _volumes():
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config = recipes.volumetric_model(
        recipes.resnet18_half(), 64, _SIZE, depths=[2, 8], in_index=[1, 0]
    )
    return export.ExportableModel(MODELS.build(config).eval()).eval()


def _two_looks():
    init_default_scope('mmpose')
    torch.manual_seed(0)
    first = recipes.latent25d_model(
        recipes.resnet18_half(), 64, (32, 32), in_index=0
    )
    config = recipes.two_look_model(
        recipes.resnet18_half(), 64, (32, 32), (64, 64), first, '', in_index=0
    )
    model = MODELS.build(config)
    for head in (model.head, model.first.head):
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return export.ExportableModel(model.eval()).eval()


def _crop(seed=0):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, _SIZE, interpolation=cv2.INTER_CUBIC)


def test_the_plain_model_is_the_estimator():
    """BGR pixels in, what the estimator's head decodes out."""
    plain = _model()
    model, crop = plain.model, _crop()
    images = torch.from_numpy(crop.transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        found, scores = plain(images)
        mean, std = (
            torch.tensor(values).view(3, 1, 1)
            for values in (recipes.MEAN_RGB, recipes.STD_RGB)
        )
        inputs = (images[:, [2, 1, 0]] - mean) / std
        sample = type('Sample', (), {'metainfo': {}})
        (expected,) = model.head.predict(model.extract_feat(inputs), [sample])
    size = np.array(_SIZE)
    pixels = expected.keypoints[0] / size * (size - 1)
    np.testing.assert_allclose(found[0, :, :2], pixels, atol=1e-3)
    np.testing.assert_allclose(
        found[0, :, 2], expected.keypoints_z[0], atol=1e-4
    )
    np.testing.assert_allclose(
        scores[0], expected.keypoint_scores[0], atol=1e-4
    )


def test_models_of_several_views_or_of_no_read_out_are_refused():
    model = _model().model
    model.test_cfg['rotations'] = [10]
    with pytest.raises(export.ExportError, match='reads one view'):
        export.ExportableModel(model)
    model.head = torch.nn.Identity()
    with pytest.raises(export.ExportError, match='head with read_out'):
        export.ExportableModel(model)


def test_a_family_can_be_chosen():
    images = torch.from_numpy(_crop().transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        first, second = (
            _model(family, families='outputs')(images)[0] for family in (0, 1)
        )
    assert (first - second).abs().max() > 1


@pytest.mark.parametrize(
    'make',
    [
        lambda: _model(family=1, families='outputs', median=True),
        lambda: _model(variant='direct', refinements=1),
        _volumes,
        _two_looks,
    ],
    ids=['families, medians', 'direct', 'volumes', 'two looks'],
)
def test_onnx_equals_torch_for_any_batch(tmp_path, make):
    pytest.importorskip('onnx', reason='needs the packages onnx and')
    pytest.importorskip('onnxruntime', reason='onnxruntime')
    model, path = make(), tmp_path / 'model.onnx'
    export.export_onnx(model, path, facts={'channels': 'BGR'})
    for batch in (1, 3):
        assert export.onnx_difference(model, path, batch) < 1e-4
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_is_told_from_the_model(tmp_path):
    pytest.importorskip('onnxruntime', reason='needs onnx and onnxruntime')
    model, path = _model(), tmp_path / 'model.onnx'
    export.export_onnx(model, path)
    with torch.no_grad():
        model.model.head.log_softness += 1.0
    assert export.onnx_difference(model, path) > 1e-3


def test_missing_packages_are_named(tmp_path, monkeypatch):
    for name in ('onnx', 'onnxruntime'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(export.ExportError, match='pip install onnx'):
        export.export_onnx(_model(), tmp_path / 'x.onnx')
    with pytest.raises(export.ExportError, match='pip install onnxruntime'):
        export.onnx_difference(_model(), tmp_path / 'x.onnx')
    assert list(tmp_path.iterdir()) == []


def test_what_onnx_cannot_say_is_one_line(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError('no such operator\nand a graph of 3,000 lines')

    monkeypatch.setattr(torch.onnx, 'export', fail)
    with pytest.raises(export.ExportError) as caught:
        export._export(_model(), torch.zeros(1), str(tmp_path / 'x'))
    assert 'no such operator' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_pooling_takes_traced_sizes_and_is_put_back():
    pool = torch.nn.functional.adaptive_avg_pool2d
    maps = torch.rand(1, 2, 8, 8)
    with export._constant_pooling():
        changed = torch.nn.functional.adaptive_avg_pool2d
        sizes = (torch.tensor(2), torch.tensor(4))
        torch.testing.assert_close(changed(maps, sizes), pool(maps, (2, 4)))
        for size in (1, (3, 5)):
            torch.testing.assert_close(changed(maps, size), pool(maps, size))
    assert torch.nn.functional.adaptive_avg_pool2d is pool


def test_the_tool(tmp_path, capsys, monkeypatch):
    tool = load_tool('export_onnx')
    checkpoint = write_checkpoint(tmp_path / 'model.pth')
    arguments = [str(tmp_path / 'm.onnx'), '--config', str(CONFIG)]
    monkeypatch.setattr(tool, 'export_onnx', lambda *args: None)
    for difference, code in ((1e-6, 0), (1e-2, 1)):
        monkeypatch.setattr(
            tool, 'onnx_difference', lambda *args, d=difference: d
        )
        assert tool.main([*arguments, '--checkpoint', str(checkpoint)]) == code
        assert f'{difference:.1e}' in capsys.readouterr().out
    assert tool.main([str(tmp_path / 'm.onnx'), '--no-check']) == 0
    missing = [*arguments, '--checkpoint', 'missing.pth']
    assert tool.main(missing) == 1
    assert 'error: ' in capsys.readouterr().err
    for wrong in ([*arguments], [*missing, '--model', 'small-25d']):
        with pytest.raises(SystemExit):
            tool.main(wrong)
