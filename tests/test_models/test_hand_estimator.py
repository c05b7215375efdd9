"""The estimator: crop to image, 2.5D to 3D."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_udp_warp_matrix

import synhand.registry  # noqa: F401
from shard_factory import make_row
from synhand import recipes
from synhand.codecs import Latent25DLabel
from synhand.geometry.cameras import camera_from_fov, project
from synhand.geometry.pose25d import from_25d, to_25d
from synhand.hands.anny_hand import default_hand
from synhand.hands.families import change_family
from synhand.hands.keypoint_prior import default_keypoint_prior
from synhand.models import autocast
from synhand.models.estimators.turned_views import rotate_images
from synhand.skeleton import MEAN_BONE_LENGTHS_MM

_SIZE = (64, 64)
_FEATURES = recipes.resnet18_half()


def _model(**changes):
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config = recipes.latent25d_model(_FEATURES, 64, _SIZE, in_index=0)
    # The drawn hands have the proportions of the literature.
    config['mean_bone_lengths_mm'] = None
    return MODELS.build({**config, **changes}).eval()


def _truth(index):
    row = make_row(index)
    hand = row['hands'][0]
    camera = row['camera_matrix'].astype(np.float64)
    return hand['keypoints_cam_anatomical'], camera


def _sample(index, **meta):
    low, high = make_row(index)['hands'][0]['bbox'].reshape(2, 2)
    sample = PoseDataSample(
        gt_instances=InstanceData(
            bboxes=np.concatenate([low, high])[None],
            bbox_scores=np.ones(1),
        )
    )
    scale = np.full(2, 2 * (high - low).max())
    sample.set_metainfo(
        {
            'input_size': _SIZE,
            'input_center': (low + high) / 2,
            'input_scale': scale,
            'ori_shape': (128, 128),
            **meta,
        }
    )
    return sample


def _perfect(index, sample):
    """What a head that is always right would predict."""
    points, camera = _truth(index)
    pose = to_25d(points, camera)
    meta = sample.metainfo
    low = meta['input_center'] - meta['input_scale'] / 2
    crop = (pose[:, :2] - low) / meta['input_scale'] * (np.array(_SIZE) - 1)
    codec = Latent25DLabel(_SIZE, inside_only=False)
    labels = codec.encode(crop[None], keypoints_cam=points[None])
    keypoints, scores = codec.decode(labels['keypoint_labels'])
    return InstanceData(
        keypoints=keypoints[..., :2],
        keypoint_scores=scores,
        keypoints_z=keypoints[..., 2],
    )


def test_perfect_heads_give_true_3d():
    model, samples, heads = _model(), [], []
    for index in range(4):
        points, camera = _truth(index)
        length = np.linalg.norm(points[10] - points[9], keepdims=True)
        sample = _sample(
            index, camera_matrix=camera[None], bone_scale=length[:1]
        )
        samples.append(sample)
        heads.append(_perfect(index, sample))
    for index, sample in enumerate(
        model.add_pred_to_datasample(heads, None, samples)
    ):
        points, camera = _truth(index)
        prediction = sample.pred_instances
        pose = to_25d(points, camera)
        assert np.abs(prediction.keypoints[0] - pose[:, :2]).max() < 0.01
        np.testing.assert_allclose(
            prediction.keypoints_25d[0], pose, atol=0.01
        )
        assert np.abs(prediction.keypoints_cam[0] - points).max() < 1.0
        assert sample.metainfo['camera'] == 'given'
        assert 'keypoints_z' not in prediction


@pytest.mark.parametrize('scaled', [False, True])
def test_other_joints_are_answered_where_they_are_asked_for(scaled):
    model = _model(joint_family='anatomical')
    points, camera = _truth(1)
    asked = dict(camera_matrix=camera[None], joint_family=np.array([1]))
    if scaled:  # the length of the bone between the joints asked for
        asked['bone_scale'] = np.array([20.0])
    sample = _sample(1, **asked)
    head = _perfect(1, sample)
    model.add_pred_to_datasample([head], None, [sample])
    found = sample.pred_instances
    wanted = change_family(points, 'anatomical', 'mano')
    bone = np.linalg.norm(wanted[10] - wanted[9])
    if scaled:
        wanted = wanted * 20 / bone
    atol = 0.02 * np.linalg.norm(wanted[0])  # depth is read off bones
    np.testing.assert_allclose(found.keypoints_cam[0], wanted, atol=atol)
    expected = to_25d(wanted, camera)
    np.testing.assert_allclose(found.keypoints[0], expected[:, :2], atol=0.02)
    np.testing.assert_allclose(found.keypoints_25d[0], expected, atol=0.02)
    reached = np.linalg.norm(np.diff(found.keypoints_cam[0, 9:11], axis=0))
    assert not scaled or reached == pytest.approx(20, rel=1e-3)


@pytest.mark.parametrize('changes', [{}, {'joint_family': 'mano'}])
def test_joints_stay_that_are_as_asked_or_of_no_known_family(changes):
    _, camera = _truth(1)
    found = []
    for meta in ({}, {'joint_family': np.array([1])}):
        sample = _sample(1, camera_matrix=camera[None], **meta)
        head = _perfect(1, sample)
        _model(**{'joint_family': None, **changes}).add_pred_to_datasample(
            [head], None, [sample]
        )
        found.append(sample.pred_instances)
    for name in ('keypoints', 'keypoints_25d', 'keypoints_cam'):
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_stiff_bones_move_keypoints_in_the_image_too():
    model, sample = _model(bone_stiffness=1.0), _sample(1)
    points, camera = _truth(1)
    sample.set_metainfo(dict(camera_matrix=camera[None]))
    head = _perfect(1, sample)
    head.keypoints_z = head.keypoints_z + 0.3 * (np.arange(21) == 8)
    sample.set_metainfo(dict(camera_matrix=camera[None]))
    (found,) = model.add_pred_to_datasample([head], None, [sample])
    found = found.pred_instances
    pixels = project(found.keypoints_cam[0], camera)
    np.testing.assert_allclose(found.keypoints[0], pixels, atol=0.05)
    np.testing.assert_allclose(found.keypoints_25d[0, :, :2], pixels, 0, 0.05)
    true = to_25d(points, camera)
    assert np.abs(found.keypoints[0] - true[:, :2]).max() > 0.2
    error = found.keypoints_25d[0, 8, 2] - true[8, 2]
    assert abs(error) < 0.28


@pytest.mark.parametrize('left', [False, True])
def test_the_likeliest_hand_is_of_the_side_that_was_seen(left):
    _, camera = _truth(1)
    found = []
    for known in (False, True):
        sample = _sample(1, camera_matrix=camera[None], mirrored=left)
        head = _perfect(1, sample)
        head.keypoint_scores = np.linspace(0.2, 0.9, 21)[None]
        model = _model(keypoint_prior=known)
        model.add_pred_to_datasample([head], None, [sample])
        found.append(sample.pred_instances)
    read, likely = found
    np.testing.assert_array_equal(likely.keypoints, read.keypoints)
    np.testing.assert_array_equal(likely.keypoints_25d, read.keypoints_25d)
    mirror = np.array([-1, 1, 1]) if left else np.ones(3)
    expected = default_keypoint_prior().likeliest(
        read.keypoints_cam * mirror, read.keypoint_scores
    )
    np.testing.assert_allclose(
        likely.keypoints_cam, expected * mirror, atol=0.01
    )
    assert np.abs(likely.keypoints_cam - read.keypoints_cam).max() > 1


@pytest.mark.parametrize('degrees', [0.0, 35.0, -140.0])
def test_crops_that_were_turned_are_turned_back(degrees):
    rotation = np.array([degrees], np.float32)
    sample = _sample(1, bbox_rotation=rotation)
    points, camera = _truth(1)
    pixels = to_25d(points, camera)[:, :2]
    warp = get_udp_warp_matrix(
        sample.metainfo['input_center'],
        sample.metainfo['input_scale'],
        degrees,
        output_size=_SIZE,
    )
    crop = pixels @ warp[:, :2].T + warp[:, 2]
    size = np.array(_SIZE)
    head = _perfect(1, sample)
    head.keypoints = (crop / (size - 1) * size)[None]
    _model().add_pred_to_datasample([head], None, [sample])
    found = sample.pred_instances.keypoints[0]
    assert np.abs(found - pixels).max() < 0.01


@pytest.mark.parametrize(
    'meta',
    [
        {},
        {
            'camera_matrix': np.full((1, 3, 3), np.nan),
            'bone_scale': np.full(1, np.nan),
        },
    ],
)
def test_unknown_cameras_and_scales_are_assumed(meta):
    model, sample = _model(assumed_fov=50.0), _sample(2, **meta)
    head = _perfect(2, sample)
    model.add_pred_to_datasample([head], None, [sample])
    prediction = sample.pred_instances
    assert sample.metainfo['camera'] == 'assumed'
    camera = camera_from_fov(128, 128, 50.0)
    expected = from_25d(prediction.keypoints_25d, camera[None])
    np.testing.assert_allclose(prediction.keypoints_cam, expected, rtol=1e-4)
    assert (prediction.keypoints_cam[..., 2] > 0).all()


def test_size_and_depth_come_from_the_given_mean_hand():
    """Twice as long bones: a hand twice as large, twice as far away."""
    found = []
    for factor in (1, 2):
        lengths = [factor * length for length in MEAN_BONE_LENGTHS_MM]
        model, sample = _model(mean_bone_lengths_mm=lengths), _sample(2)
        model.add_pred_to_datasample([_perfect(2, sample)], None, [sample])
        found.append(sample.pred_instances.keypoints_cam)
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-5)


def test_recipe_gives_the_lengths_of_the_hands_it_trains_on():
    lengths = recipes.latent25d_model(_FEATURES, 64, _SIZE, in_index=0)[
        'mean_bone_lengths_mm'
    ]
    expected = default_hand().mean_bone_lengths('anatomical')
    np.testing.assert_allclose(lengths, expected, atol=0.01)


def _inputs(batch=2):
    return torch.randn(batch, 3, *_SIZE, generator=torch.manual_seed(3))


def test_memory_order_does_not_change_results():
    results = []
    for channels_last in (True, False):
        model = _model(channels_last=channels_last)
        weight = model.backbone.layer2[0].conv1.weight
        assert (
            weight.is_contiguous(memory_format=torch.channels_last)
            == channels_last
        )
        sample = _sample(0)
        with torch.no_grad():
            model.predict(_inputs(1), [sample])
        results.append(sample.pred_instances.keypoints_25d)
    np.testing.assert_allclose(*results, atol=1e-3)


@pytest.mark.parametrize(
    ('fast', 'expected'), [(True, torch.bfloat16), (False, torch.float32)]
)
def test_autocast_is_for_training_only_unless_asked(
    monkeypatch, fast, expected
):
    """And only where the processor does not have to imitate it."""
    monkeypatch.setattr(autocast, 'has_bfloat16', lambda: fast)
    model = _model()
    seen = []
    model.neck.register_forward_hook(lambda *a: seen.append(a[2][0].dtype))
    with torch.no_grad():
        model.predict(_inputs(1), [_sample(0)])
        labels = InstanceData(
            keypoint_labels=np.zeros((1, 21, 3), np.float32),
            keypoint_weights=np.ones((1, 21), np.float32),
            depth_weights=np.ones((1, 21), np.float32),
        )
        sample = PoseDataSample(gt_instance_labels=labels)
        losses = model.loss(_inputs(1), [sample])
    assert seen == [torch.float32, expected]
    assert all(value.dtype == torch.float32 for value in losses.values())


def _hourglass():
    backbone = {'type': 'HourglassNet', 'num_stacks': 2}
    backbone.update(stage_channels=(256, 256, 256), stage_blocks=(1, 1, 1))
    backbone['downsample_times'] = 2
    return {'backbone': backbone}, 256, {'in_index': [0, 1]}


def _resnet():
    backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': 16}
    backbone['stem_channels'] = 16
    deconvolutions = {
        'deconv_out_channels': (32, 32),
        'deconv_kernel_sizes': (4, 4),
    }
    return {'backbone': backbone}, 128, deconvolutions


def _hrnet():
    return recipes.hrnet(18), 270, {}


@pytest.mark.parametrize('make', [_hourglass, _resnet, _hrnet])
def test_stock_backbones_work(make):
    features, channels, head = make()
    init_default_scope('mmpose')
    config = recipes.latent25d_model(features, channels, _SIZE, **head)
    model = MODELS.build(config).eval()
    with torch.no_grad():
        samples = model.predict(_inputs(2), [_sample(0), _sample(1)])
    for sample in samples:
        assert sample.pred_instances.keypoints_cam.shape == (1, 21, 3)
        assert np.isfinite(sample.pred_instances.keypoints_cam).all()


def _picture(seed=0):
    """(1, 3, 64, 64): a smooth picture, dark at its border."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :64]
    blob = np.zeros((3, 64, 64))
    for _ in range(6):
        u, v = rng.uniform(22, 42, 2)
        blob += rng.normal(size=(3, 1, 1)) * np.exp(
            -((columns - u) ** 2 + (rows - v) ** 2) / 60
        )
    return torch.from_numpy(blob)[None].float()


@pytest.mark.parametrize('degrees', [90.0, 25.0, -40.0])
def test_images_turn_from_x_towards_y(degrees):
    """The brightest point moves as a point turned about the centre does."""
    size = np.array([60, 40])
    place = np.array([38.0, 14.0])
    rows, columns = np.mgrid[: size[1], : size[0]]
    image = np.exp(-((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / 8)
    turned = rotate_images(torch.from_numpy(image)[None, None], degrees)[0, 0]
    total = float(turned.sum())
    found = [
        float((turned * torch.from_numpy(grid)).sum()) / total
        for grid in (columns, rows)
    ]
    angle = np.radians(degrees)
    matrix = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    centre = (size - 1) / 2
    expected = np.array(matrix) @ (place - centre) + centre
    np.testing.assert_allclose(found, expected, atol=0.05)


class _Marks(torch.nn.Module):
    """A head that finds the centre of brightness; its z is brightness."""

    def predict(self, feats, batch_data_samples, test_cfg=None):
        if test_cfg and test_cfg.get('flip_test'):
            feats = feats[0]
        weight = feats.clamp(min=0)
        weight = weight / weight.sum((-2, -1), keepdim=True)
        v, u = torch.meshgrid(*[torch.arange(64.0)] * 2, indexing='ij')
        position = torch.stack(
            [(weight * g).sum((-2, -1)) for g in (u, v)], -1
        )
        found = []
        for pixels, sample in zip(position, batch_data_samples, strict=True):
            pixels = pixels.numpy()
            if sample.metainfo.get('mirrored', False):
                pixels[:, 0] = 63 - pixels[:, 0]
            relative = np.concatenate(
                [pixels - 31.5, np.ones((len(pixels), 1))], -1
            )
            found.append(
                InstanceData(
                    keypoints=pixels[None] / 63 * 64,
                    keypoint_scores=np.full((1, 3), 0.5),
                    keypoints_z=np.full((1, 3), 0.7),
                    keypoint_relative=relative[None],
                    hand_side=np.array([1]),
                    hand_side_scores=np.array([0.8]),
                )
            )
        return found


@pytest.mark.parametrize('mirrored', [False, True])
def test_rotated_views_agree_with_the_crop(mirrored):
    model = _model(test_cfg={'rotations': [-30, 20], 'flip_test': True})
    model.head = _Marks()
    model.extract_feat = lambda inputs: inputs
    sample = _sample(0, mirrored=mirrored)
    picture = _picture()
    (plain,) = model.head.predict(picture, [sample])
    found = model._predict_turned(picture, [sample])[0]
    np.testing.assert_allclose(found.keypoints, plain.keypoints, atol=0.2)
    np.testing.assert_allclose(
        found.keypoint_relative, plain.keypoint_relative, atol=0.2
    )
    np.testing.assert_allclose(found.keypoints_z, plain.keypoints_z)
    assert found.hand_side.tolist() == [1]
    assert found.hand_side_scores.tolist() == pytest.approx([0.8])
    # without turning back they would not
    view = rotate_images(picture, 20)
    (wrong,) = model.head.predict(view, [sample])
    assert np.abs(wrong.keypoints - plain.keypoints).max() > 1


def test_rotations_and_flips_go_through_the_whole_model():
    model = _model(test_cfg={'rotations': [15], 'flip_test': True})
    one, sample = _model(), _sample(0)
    with torch.no_grad():
        model.predict(_inputs(1), [sample])
        other = one.predict(_inputs(1), [_sample(0)])[0].pred_instances
        with model.single_reading():
            single = model.predict(_inputs(1), [_sample(0)])[0].pred_instances
    found = sample.pred_instances
    assert found.keypoints_cam.shape == (1, 21, 3)
    assert np.isfinite(found.keypoints_cam).all()
    assert np.abs(found.keypoints_25d - other.keypoints_25d).max() > 1e-3
    np.testing.assert_array_equal(single.keypoints_25d, other.keypoints_25d)
    assert model.test_cfg['rotations'] == [15]


@pytest.mark.parametrize('mirrored', [False, True])
def test_a_learnt_root_depth_is_used(mirrored):
    """Its network sees the rays that it saw in training."""
    points, camera = _truth(2)
    sample = _sample(2, camera_matrix=camera[None], mirrored=mirrored)
    model, head = _model(), _perfect(2, sample)
    seen = []

    class Refiner(torch.nn.Linear):
        def forward(self, rays):
            seen.append(rays)
            return torch.full((1,), 21.0)

    model.head.root_depth = Refiner(1, 1)
    model.add_pred_to_datasample([head], None, [sample])
    rays = points / points[:, 2:]
    rays[:, 0] *= -1 if mirrored else 1
    np.testing.assert_allclose(seen[0][0, :, :2], rays[:, :2], atol=1e-4)
    found = sample.pred_instances.keypoints_cam[0]
    pose = sample.pred_instances.keypoints_25d[0]
    scale = found[:, 2] / (pose[:, 2] + 21.0)
    np.testing.assert_allclose(scale, scale[0], rtol=1e-4)


def test_compiled_features_are_those_of_the_plain_model(monkeypatch):
    compiled = []
    monkeypatch.setattr(
        torch, 'compile', lambda function: compiled.append(1) or function
    )
    plain, fast = _model(), _model(compile_features=True)
    assert not compiled  # only once it is used
    with torch.no_grad():
        for _ in range(2):
            for a, b in zip(
                plain.extract_feat(_inputs()),
                fast.extract_feat(_inputs()),
                strict=True,
            ):
                torch.testing.assert_close(a, b)
    assert compiled == [1]
    assert set(plain.state_dict()) == set(fast.state_dict())
