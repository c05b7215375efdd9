"""One hand at a time, as the stock test loop would find it."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from mmpose.registry import MODELS as MMPOSE_MODELS

import synhand.zoo
from model_factory import CONFIG, write_checkpoint, write_photos
from synhand.apis import FoundHand, HandPredictor
from synhand.apis.predictor import (
    HandPrediction,
    PredictionError,
    sure_hands,
)
from synhand.apis.queries import shrunk
from synhand.geometry.boxes import tight_box
from synhand.geometry.cameras import mirror, project
from synhand.hands.families import change_family
from synhand.recipes import BOX_PADDING
from synhand.zoo import DEFAULT_MODEL, MODELS

TWO_LOOKS = CONFIG.with_name(
    'latent25d_2look-res18half-fpn_synhand-192x192.py'
)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('model') / 'random.pth'
    return write_checkpoint(path)


@pytest.fixture(scope='module')
def predictor(checkpoint):
    return HandPredictor(config=CONFIG, checkpoint=checkpoint, device='cpu')


@pytest.fixture
def photos(tmp_path):
    return tmp_path, write_photos(tmp_path, count=3)


@pytest.fixture
def arguments(photos):
    folder, entries = photos
    return dict(
        images=[folder / entry['image'] for entry in entries],
        boxes=[entry['bbox'] for entry in entries],
        hands=[entry['hand'] for entry in entries],
        camera_matrices=[entry['K'] for entry in entries],
    )


@pytest.fixture
def inputs(predictor, monkeypatch):
    """The crops that the network is given, (B, 3, H, W) each call."""
    seen = []
    run = predictor.model.test_step

    def record(batch):
        seen.append(torch.stack(batch['inputs']).numpy())
        return run(batch)

    monkeypatch.setattr(predictor.model, 'test_step', record)
    return seen


def _same(first, second, tolerance=1e-3):
    assert (first.hand, first.camera) == (second.hand, second.camera)
    for name in ('bbox', 'keypoints_2d', 'keypoints_3d_mm'):
        np.testing.assert_allclose(
            getattr(first, name), getattr(second, name), atol=tolerance
        )


def test_equals_dataset_pipeline_and_model(predictor, photos, arguments):
    """The path that `tools/test.py` takes, spelled out."""
    folder, _ = photos
    pipeline = [
        dict(step, type='LoadImage')
        if step['type'] == 'LoadShardImage'
        else step
        for step in Config.fromfile(CONFIG).test_dataloader.dataset.pipeline
    ]
    dataset = DATASETS.build(
        dict(
            type='HandJsonDataset',
            data_root=str(folder),
            pipeline=pipeline,
            test_mode=True,
        )
    )
    with torch.no_grad():
        expected = predictor.model.test_step(
            pseudo_collate([dataset[i] for i in range(len(dataset))])
        )
    for hand, sample in zip(
        predictor.predict(**arguments), expected, strict=True
    ):
        truth = sample.pred_instances
        pixels, scores = hand.keypoints_2d[:, :2], hand.keypoints_2d[:, 2]
        np.testing.assert_allclose(pixels, truth.keypoints[0], atol=1e-4)
        np.testing.assert_allclose(scores, truth.keypoint_scores[0])
        np.testing.assert_allclose(
            hand.keypoints_cam_mm, truth.keypoints_cam[0], rtol=1e-5
        )
        assert np.ptp(pixels, axis=0).min() > 1  # not all in one place


def test_given_camera_gives_absolute_3d(predictor, arguments):
    hands = predictor.predict(**arguments)
    for hand, camera in zip(hands, arguments['camera_matrices'], strict=True):
        assert hand.camera == 'given'
        np.testing.assert_allclose(
            project(hand.keypoints_cam_mm, camera),
            hand.keypoints_2d[:, :2],
            atol=1e-2,
        )
        relative = hand.keypoints_cam_mm - hand.keypoints_cam_mm[0]
        np.testing.assert_array_equal(hand.keypoints_3d_mm, relative)


def test_unknown_camera_gives_relative_3d_only(predictor, arguments):
    arguments['camera_matrices'][1] = None
    given, assumed, _ = predictor.predict(**arguments)
    assert (given.camera, assumed.camera) == ('given', 'assumed')
    assert assumed.keypoints_cam_mm is None
    np.testing.assert_array_equal(assumed.keypoints_3d_mm[0], 0)
    assert np.ptp(assumed.keypoints_3d_mm, axis=0).max() > 20


def test_left_hands_are_mirrored_right_hands(predictor):
    """Image and camera mirrored: the other hand, mirrored."""
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (10, 15, 3), np.uint8)
    image = cv2.resize(image, (150, 120))
    camera = np.array([[180, 0, 70], [0, 180, 52], [0, 0, 1.0]])
    # The crop's pixels are the image's: both crops are exactly the same.
    box = shrunk(np.array([13, 10, 108, 105.0]), BOX_PADDING)
    (left,) = predictor.predict(image, box, 'left', camera)
    (right,) = predictor.predict(
        np.ascontiguousarray(image[:, ::-1]),
        [149 - box[2], box[1], 149 - box[0], box[3]],
        'right',
        mirror(camera, 150),
    )
    turned = right.keypoints_2d * [-1, 1, 1] + [149, 0, 0]
    np.testing.assert_allclose(left.keypoints_2d, turned, atol=1e-2)
    np.testing.assert_allclose(
        left.keypoints_cam_mm, right.keypoints_cam_mm * [-1, 1, 1], rtol=1e-3
    )


def test_unknown_side_takes_the_surer_reading(predictor, arguments):
    images, boxes = arguments['images'], arguments['boxes']
    sides = set()
    for image, box in zip(images, boxes, strict=True):
        left, right, unknown = predictor.predict(
            [image] * 3, [box] * 3, ['left', 'right', None]
        )
        scores = [h.keypoints_2d[:, 2].mean() for h in (left, right)]
        assert scores[0] != scores[1]
        _same(unknown, left if scores[0] > scores[1] else right)
        sides.add(unknown.hand)
    assert sides <= {'left', 'right'}


@pytest.mark.parametrize(('bias', 'side'), [(5.0, 'right'), (-5.0, 'left')])
def test_a_model_that_tells_sides_is_asked(tmp_path, arguments, bias, side):
    """One reading, as of a hand that is said to be of that side."""
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config = tmp_path / 'sides.py'
    config.write_text(
        f"_base_ = ['{TWO_LOOKS}']\nmodel = dict(side_channels=256)\n"
    )
    model = MMPOSE_MODELS.build(Config.fromfile(config).model)
    with torch.no_grad():
        model.side.layer.weight.zero_()
        model.side.layer.bias.fill_(bias)
    path = tmp_path / 'two_looks.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    predictor = HandPredictor(config=config, checkpoint=path)
    assert not predictor.needs_side
    image, box = arguments['images'][0], arguments['boxes'][0]
    (unknown,) = predictor.predict([image], [box])
    assert unknown.hand == side
    (known,) = predictor.predict([image], [box], ['right'])
    assert known.hand == 'right'
    if side == 'right':
        _same(known, unknown)


def test_a_model_of_either_hand_needs_no_side(checkpoint, tmp_path, photos):
    folder, entries = photos
    config = tmp_path / 'either.py'
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        'from synhand import recipes\n'
        'test_dataloader = dict(dataset=dict(pipeline=recipes.test_pipeline('
        "(96, 96), shards=True, mirror='none')))\n"
    )
    either = HandPredictor(config=config, checkpoint=checkpoint)
    assert not either.needs_side
    (unknown,) = either.predict(folder / entries[0]['image'])
    assert unknown.hand == 'unknown'
    (left,) = either.predict(folder / entries[0]['image'], hands='left')
    np.testing.assert_array_equal(left.keypoints_2d, unknown.keypoints_2d)


def test_without_a_box_the_crop_is_the_image(predictor, inputs):
    image = np.random.default_rng(2).integers(0, 256, (96, 96, 3), np.uint8)
    predictor.predict(image, hands='right')
    np.testing.assert_array_equal(inputs[0][0].transpose(1, 2, 0), image)


def test_the_second_look_is_at_the_box_that_the_first_one_found(
    predictor, monkeypatch
):
    """The surer look counts; a given box is looked at once."""
    image = np.random.default_rng(2).integers(0, 256, (96, 96, 3), np.uint8)
    looks, look = [], predictor._look

    def record(queries, factor):
        found = look(queries)
        for hand in found:
            hand.keypoints_2d[:, 2] = 0.5 * factor ** len(looks)
        looks.append((queries, list(found)))
        return found

    for factor, kept in ((1.5, 1), (0.5, 0)):
        looks.clear()
        monkeypatch.setattr(
            predictor, '_look', lambda queries, f=factor: record(queries, f)
        )
        (hand,) = predictor.predict(image, hands='right')
        (_, (first,)), ((query,), (second,)) = looks
        assert hand is (first, second)[kept]
        box = tight_box(first.keypoints_2d[:, :2]).clip(0, 95)
        np.testing.assert_allclose(query.box, box)
        np.testing.assert_allclose(first.bbox, [0, 0, 95, 95])
    looks.clear()
    predictor.predict(image, [10, 10, 60, 60], 'right')
    assert [len(queries) for queries, _ in looks] == [1, 0]


def test_without_a_box_a_wide_image_fits_the_crop(predictor, inputs):
    image = np.full((48, 96, 3), 200, np.uint8)
    predictor.predict(image, hands='right')
    filled = (inputs[0][0][0] > 100).nonzero()
    assert (filled[1].min(), filled[1].max()) == (0, 95)
    assert (filled[0].min(), filled[0].max()) == (24, 71)


def test_a_box_is_padded_once(predictor, inputs):
    """Of the crop's side, the box is the padding's share."""
    image = np.zeros((200, 200, 3), np.uint8)
    image[60:140, 60:140] = 255
    predictor.predict(image, [60, 60, 139, 139], 'right')
    ((crop,),) = inputs
    bright = (crop[0] > 127).nonzero()[0]
    half = 95 / BOX_PADDING / 2
    expected = (47.5 - half, 47.5 + half)
    assert (bright.min(), bright.max()) == pytest.approx(expected, abs=1)


def test_shrunk_undoes_padding():
    box = np.array([10, 20, 50, 40.0])
    np.testing.assert_allclose(shrunk(box, 2.0), [20, 25, 40, 35])


def test_batches_do_not_change_results(predictor, checkpoint, arguments):
    single = HandPredictor(config=CONFIG, checkpoint=checkpoint, batch_size=1)
    arguments['hands'][0] = 'unknown'
    for first, second in zip(
        predictor.predict(**arguments),
        single.predict(**arguments),
        strict=True,
    ):
        _same(first, second, tolerance=0.05)


def test_joints_are_answered_as_mano_has_them(checkpoint, arguments):
    predictor = HandPredictor(
        config=CONFIG,
        checkpoint=checkpoint,
        device='cpu',
        joint_family='mano',
    )
    found = predictor.predict(**arguments)
    predictor.joint_family = 'anatomical'
    for mano, usual in zip(found, predictor.predict(**arguments), strict=True):
        expected = change_family(usual.keypoints_3d_mm, 'anatomical', 'mano')
        np.testing.assert_allclose(mano.keypoints_3d_mm, expected, atol=0.1)
        moved = abs(mano.keypoints_2d - usual.keypoints_2d).max(1) > 1e-3
        assert moved.nonzero()[0].tolist() == [1, 3, 5, 9, 13, 17]
    with pytest.raises(ValueError, match="joint_family: .* got 'smplx'"):
        predictor.joint_family = 'smplx'
    predictor.model.joint_family = None
    with pytest.raises(ValueError, match='has its own joints only'):
        predictor.joint_family = 'mano'


def test_one_image_needs_no_lists(predictor, arguments):
    first = {name: values[0] for name, values in arguments.items()}
    (one,) = predictor.predict(**first)
    _same(one, predictor.predict(**arguments)[0], tolerance=0.05)
    assert predictor.predict([]) == []


def test_all_hands_that_are_found(predictor, arguments):
    images = arguments['images'][:2]
    boxes = np.float32([[10, 10, 60, 60], [70, 70, 120, 110]])

    def find(image):
        return [FoundHand(box, 'left') for box in boxes[: next(counts)]]

    counts = iter([2, 0, 2, 0])
    first, second = predictor.predict_all(images, find, min_score=0.0)
    alone = predictor.predict([images[0]] * 2, boxes, 'left')
    assert second == []
    assert len(first) == 2
    for hand, same in zip(first, sure_hands(alone, 0.0), strict=True):
        np.testing.assert_array_equal(hand.keypoints_2d, same.keypoints_2d)
    assert predictor.predict_all(images, find, min_score=1.0) == [[], []]
    with pytest.raises(ValueError, match='expected a list of images'):
        predictor.predict_all(images[0], find)


def test_places_are_judged_by_a_single_reading(predictor, arguments):
    model, test_cfg = predictor.model, predictor.model.test_cfg
    image = cv2.imread(str(arguments['images'][0]))
    places = [
        FoundHand(np.float32(box), 'left')
        for box in ([10, 10, 60, 60], [11, 10, 61, 60], [70, 70, 120, 110])
    ]
    boxes = [place.bbox for place in places]
    plain = predictor.predict([image] * 3, boxes, 'left')
    chosen = [hand.bbox for hand in sure_hands(plain, 0.0)]
    model.test_cfg = dict(test_cfg, rotations=[90])
    full = predictor.predict([image] * len(chosen), chosen, 'left')
    judged = predictor.read_likely(image, places, min_score=0.0)
    model.test_cfg = test_cfg
    assert len(chosen) == 2
    for hand, same in zip(judged, sure_hands(full, 0.0), strict=True):
        np.testing.assert_allclose(
            hand.keypoints_2d, same.keypoints_2d, atol=1e-3
        )
    assert predictor.read_likely(image, [], min_score=0.0) == []
    best = max(hand.score for hand in plain)
    assert predictor.read_likely(image, places, min_score=best + 0.01) == []


def test_a_model_that_averages_nothing_reads_each_place_once(
    predictor, arguments, monkeypatch
):
    image = cv2.imread(str(arguments['images'][0]))
    places = [FoundHand(np.float32([10, 10, 60, 60]), 'left')] * 2
    read = []
    run = predictor._run
    monkeypatch.setattr(
        predictor, '_run', lambda samples: read.extend(samples) or run(samples)
    )
    (hand,) = predictor.read_likely(image, places, min_score=0.0)
    assert len(read) == 2
    (same,) = predictor.predict([image], [places[0].bbox], 'left')
    np.testing.assert_allclose(hand.keypoints_2d, same.keypoints_2d, atol=1e-3)


def _reading(score, shift):
    grid = np.linspace([0, 0], [100, 100], 21) + [shift, 0]
    keypoints = np.column_stack([grid, np.full(21, score)])
    return HandPrediction('left', grid[0], keypoints, grid, None, 'assumed')


def test_a_hand_is_kept_once_and_where_it_is_sure():
    found = [_reading(*pair) for pair in ((0.5, 0), (0.9, 20), (0.6, 90))]
    kept = sure_hands([*found, _reading(0.2, 300)], 0.3)
    assert [hand.score for hand in kept] == pytest.approx([0.9, 0.6])
    assert sure_hands([], 0.3) == []


def test_json_is_plain_and_complete(predictor, arguments):
    hand, *_ = predictor.predict(**arguments)
    entry = json.loads(json.dumps(hand.to_json(), allow_nan=False))
    assert entry['hand'] == arguments['hands'][0]
    assert entry['camera'] == 'given'
    for name in ('bbox', 'keypoints_3d_mm', 'keypoints_cam_mm'):
        np.testing.assert_allclose(entry[name], getattr(hand, name), atol=0.01)
    np.testing.assert_allclose(
        entry['keypoints_2d'], hand.keypoints_2d, atol=0.01
    )
    (hand,) = predictor.predict(arguments['images'][0])
    assert hand.to_json()['keypoints_cam_mm'] is None


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(hands='both'), "image 0.*hand: expected left, right.*'both'"),
        (dict(hands=[['left']]), 'image 0.*hand: expected left, right'),
        (dict(boxes=[5, 5, 2, 9]), 'image 0.*box: expected x1'),
        (dict(boxes=[5, 5, np.inf, 9]), 'image 0.*box: expected x1'),
        (dict(boxes=[[1, 2], [3]]), 'image 0.*box: expected x1'),
        (dict(boxes=[200, 0, 300, 9]), 'image 0.*meets the image of 40 x 30'),
        (dict(camera_matrices=np.eye(2)), r'image 0.*got shape \(2, 2\)'),
        (dict(images=np.zeros((9, 9), np.uint8)), r'image 0.*\(H, W, 3\)'),
        (dict(images=np.zeros((9, 9, 3))), r'image 0.*uint8, got float64'),
        (dict(images=np.zeros((1, 9, 3), np.uint8)), r'got uint8 \(1, 9'),
        (dict(images=[None]), 'image 0.*expected a path or an array'),
    ],
)
def test_wrong_arguments_are_named(predictor, change, message):
    image = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(ValueError, match=message) as error:
        predictor.predict(**{'images': image, **change})
    assert '\n' not in str(error.value)


def test_lists_must_have_one_length(predictor):
    image = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(ValueError, match='hands: expected one for each of 2'):
        predictor.predict([image, image], hands=['left'])


def test_model_and_files_exclude_each_other(checkpoint):
    for arguments in (
        dict(config=CONFIG),
        dict(checkpoint=checkpoint),
        dict(model='small-25d', config=CONFIG, checkpoint=checkpoint),
    ):
        with pytest.raises(ValueError, match='name of a model, or a config'):
            HandPredictor(**arguments)


def test_unknown_devices_models_and_files_are_named(checkpoint, tmp_path):
    files = dict(config=CONFIG, checkpoint=checkpoint)
    with pytest.raises(ValueError, match="device: expected auto.*'abacus'"):
        HandPredictor(**files, device='abacus')
    with pytest.raises(ValueError, match="'large'.*one of .*small-25d"):
        HandPredictor('large')
    with pytest.raises(FileNotFoundError, match='none.py'):
        HandPredictor(config='none.py', checkpoint=checkpoint)
    with pytest.raises(FileNotFoundError, match='none.pth'):
        HandPredictor(config=CONFIG, checkpoint=tmp_path / 'none.pth')
    other = tmp_path / 'other.pth'
    torch.save(dict(state_dict={'weight': torch.zeros(2)}), other)
    with pytest.raises(ValueError, match='other.pth: .*another model'):
        HandPredictor(config=CONFIG, checkpoint=other)
    with pytest.raises(ValueError, match='batch_size'):
        HandPredictor(**files, batch_size=0)


def test_config_without_test_pipeline_is_named(checkpoint, tmp_path):
    config = tmp_path / 'bare.py'
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        "test_dataloader = dict(_delete_=True, dataset=dict(type='X'))\n"
    )
    with pytest.raises(ValueError, match=r'bare\.py: .*pipeline: expected'):
        HandPredictor(config=config, checkpoint=checkpoint)


def test_model_without_3d_is_refused(predictor, arguments, monkeypatch):
    monkeypatch.setattr(predictor.model, '_add_3d', lambda samples: None)
    with pytest.raises(PredictionError, match='no 3D keypoints'):
        predictor.predict(**arguments)


def test_released_model_is_the_default(arguments, tmp_path, monkeypatch):
    assert DEFAULT_MODEL in MODELS
    monkeypatch.setattr(synhand.zoo, '_FOLDER', tmp_path)
    monkeypatch.setattr('synhand.apis.predictor.DEFAULT_MODEL', 'small-25d')
    released = MODELS['small-25d']
    checkpoint = tmp_path / 'half.pth'
    write_checkpoint(checkpoint, config=released.config_file)
    weights = {
        name: weight.half().float() if weight.is_floating_point() else weight
        for name, weight in torch.load(checkpoint)['state_dict'].items()
    }
    torch.save(dict(state_dict=weights), checkpoint)
    files = dict(config=released.config_file, checkpoint=checkpoint)
    synhand.zoo.write_weights(released.weights_file, weights, {}, 15)
    for first, second in zip(
        HandPredictor().predict(**arguments),
        HandPredictor(**files).predict(**arguments),
        strict=True,
    ):
        _same(first, second)
