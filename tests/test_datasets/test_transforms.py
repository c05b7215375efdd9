"""Transforms: geometry by equivalence, appearance by properties."""

import pickle

import cv2
import numpy as np
import pytest
from mmpose.datasets.transforms import (
    GetBBoxCenterScale,
    RandomBBoxTransform,
    TopdownAffine,
)

from shard_factory import make_row
from synhand.datasets.base import hand_sample
from synhand.datasets.transforms import (
    AntialiasedTopdownAffine,
    BackgroundSource,
    LoadShardImage,
    MirrorHand,
    PhotometricJitter,
    RandomHandBox,
    RandomOcclusion,
    ReplaceBackground,
    SpectrumJitter,
)
from synhand.datasets.transforms.background import composite
from synhand.datasets.transforms.photometric import (
    line_kernel,
    scale_bands,
)


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(0)


def _sample(size=640, side=200.0):
    """A photo with smooth content, and a hand somewhere in it."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    keypoints = rng.uniform(-side / 2, side / 2, (21, 2)) + size * 0.45
    box = np.concatenate([keypoints.min(0), keypoints.max(0)])
    return dict(hand_sample(bbox=box, keypoints=keypoints), img=image)


def _boxed(sample, padding=2.0, rotation=None):
    sample = GetBBoxCenterScale(padding=padding).transform(sample)
    if rotation is not None:
        sample['bbox_rotation'] = np.array([rotation], np.float32)
    return sample


def test_a_tight_box_becomes_a_square_of_twice_its_longer_side():
    sample = _sample()
    box = sample['bbox'][0].copy()
    sample = AntialiasedTopdownAffine((96, 96)).transform(_boxed(sample))
    longer = max(box[2] - box[0], box[3] - box[1])
    np.testing.assert_allclose(sample['input_scale'], 2 * longer, rtol=1e-5)
    centre = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(sample['input_center'], centre, rtol=1e-5)


@pytest.mark.parametrize('rotation', [None, 33.0, -170.0])
@pytest.mark.parametrize('size', [(96, 96), (96, 64), (320, 320)])
def test_affine_is_the_stock_one_but_for_aliasing(rotation, size):
    ours = AntialiasedTopdownAffine(size).transform(
        _boxed(_sample(), rotation=rotation)
    )
    stock = TopdownAffine(size, use_udp=True).transform(
        _boxed(_sample(), rotation=rotation)
    )
    for key in (
        'transformed_keypoints',
        'input_center',
        'input_scale',
        'bbox_scale',
    ):
        np.testing.assert_allclose(ours[key], stock[key], atol=1e-3)
    assert tuple(ours['input_size']) == tuple(stock['input_size'])
    difference = ours['img'].astype(int) - stock['img'].astype(int)
    inside = stock['img'].min(-1) > 0  # off the image's black surroundings
    assert np.abs(difference[inside]).mean() < 2.0


def test_affine_averages_where_the_stock_one_aliases():
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    spread = {}
    for name, transform in (
        ('ours', AntialiasedTopdownAffine((96, 96))),
        ('stock', TopdownAffine((96, 96), use_udp=True)),
    ):
        sample = _boxed(dict(_sample(side=160), img=stripes.copy()))
        spread[name] = transform.transform(sample)['img'][30:60, 30:60].std()
    assert spread['ours'] < spread['stock'] / 2


def test_affine_outside_the_image_is_black_not_an_error():
    sample = _boxed(_sample())
    sample['bbox_center'] = np.array([[5000.0, 5000.0]], np.float32)
    crop = AntialiasedTopdownAffine((96, 96)).transform(sample)['img']
    assert crop.shape == (96, 96, 3)
    assert not crop.any()


def test_random_box_draws_as_the_stock_one():
    ours = RandomHandBox._truncnorm(size=(20_000,))
    stock = RandomBBoxTransform._truncnorm(size=(20_000,))
    assert np.abs(ours).max() <= 1
    quantiles = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(
        np.quantile(ours, quantiles), np.quantile(stock, quantiles), atol=0.03
    )


@pytest.mark.parametrize('coverage', [0.0, 1.0])
def test_shard_images_are_decoded(coverage):
    row = make_row(0)
    sample = {
        'image_bytes': row['image'],
        'alpha_bytes': row['alpha'],
        'img_path': 'set#0',
    }
    sample = LoadShardImage(coverage=coverage).transform(sample)
    assert sample['img'].shape == (128, 128, 4 if coverage else 3)
    assert sample['ori_shape'] == (128, 128)
    assert 'image_bytes' not in sample and 'alpha_bytes' not in sample
    if coverage:
        expected = cv2.imdecode(np.frombuffer(row['alpha'], np.uint8), 0)
        np.testing.assert_array_equal(sample['img'][..., 3], expected)


@pytest.mark.parametrize('field', ['image', 'alpha'])
def test_undecodable_bytes_are_named(field):
    row = make_row(0)
    sample = {
        'image_bytes': row['image'],
        'alpha_bytes': row['alpha'],
        'img_path': 'set#7',
    }
    sample[f'{field}_bytes'] = b'no image'
    with pytest.raises(ValueError, match=f'set#7: {field}'):
        LoadShardImage(coverage=1.0).transform(sample)


def test_composite_is_the_textbook_formula():
    rng = np.random.default_rng(0)
    front, back = rng.integers(0, 256, (2, 40, 30, 3)).astype(np.uint8)
    alpha = rng.integers(0, 256, (40, 30)).astype(np.uint8)
    share = alpha[..., None] / 255
    expected = front * share + back * (1 - share)
    found = composite(front, back, alpha)
    assert np.abs(found - expected).max() <= 0.51


def _covered(size=64):
    image = np.full((size, size, 4), 200, np.uint8)
    image[..., 3] = 0
    image[16:48, 16:48, 3] = 255
    return {'img': image, 'img_path': 'set#0'}


def test_background_changes_and_the_hand_stays(tmp_path):
    photo = np.full((300, 500, 3), (10, 20, 30), np.uint8)
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    transform = ReplaceBackground(str(tmp_path), procedural=0.0)
    image = transform.transform(_covered())['img']
    assert image.shape == (64, 64, 3)
    assert (image[16:48, 16:48] == 200).all()
    assert (image[:16] == (10, 20, 30)).all()


def test_without_coverage_the_image_stays():
    image = np.full((8, 8, 3), 7, np.uint8)
    assert ReplaceBackground().transform({'img': image})['img'] is image


def test_procedural_backgrounds_differ():
    transform = ReplaceBackground()
    first, second = (transform.transform(_covered())['img'] for _ in '12')
    assert np.abs(first[:16].astype(int) - second[:16]).mean() > 5


def test_background_cache_is_bounded_uses_all_and_is_not_pickled(tmp_path):
    for level in range(6):
        photo = np.full((20, 30, 3), 40 * level, np.uint8)
        cv2.imwrite(str(tmp_path / f'{level}.png'), photo)
    source = BackgroundSource(
        str(tmp_path), procedural=0.0, cache=3, exchange=0.3
    )
    seen = {int(source.draw(8, 8)[0, 0, 0]) for _ in range(300)}
    assert seen == {0, 40, 80, 120, 160, 200}
    assert len(source._kept) == 3
    assert not pickle.loads(pickle.dumps(source))._kept


def test_missing_background_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent: no such folder'):
        ReplaceBackground(str(tmp_path / 'absent'))
    with pytest.raises(FileNotFoundError, match='no photos'):
        ReplaceBackground(str(tmp_path))


def _crop(side):
    points = np.array([[[0.0, 5.0], [63.0, 9.0], [20.5, 1.0]]], np.float32)
    image = np.zeros((48, 64, 3), np.uint8)
    image[5, 0] = 255
    return {
        'img': image,
        'transformed_keypoints': points,
        'keypoints': points + 100,
        'hand_side': np.array([side]),
    }


@pytest.mark.parametrize(('side', 'mirrored'), [(0, True), (1, False)])
def test_left_hands_are_mirrored_to_right(side, mirrored):
    sample = MirrorHand('right').transform(_crop(side))
    assert sample['mirrored'] is mirrored
    if mirrored:
        u = sample['transformed_keypoints'][0, :, 0]
        assert u.tolist() == [63, 0, 42.5]
        assert sample['img'][5, 63].all()
    np.testing.assert_array_equal(
        sample['keypoints'], _crop(side)['keypoints']
    )


def test_mirroring_at_random_and_never():
    random = MirrorHand('random')
    share = np.mean(
        [random.transform(_crop(1))['mirrored'] for _ in range(300)]
    )
    assert 0.4 < share < 0.6
    assert not MirrorHand('none').transform(_crop(0))['mirrored']
    with pytest.raises(ValueError, match='mode'):
        MirrorHand('left')


_OFF = dict.fromkeys(('tone', 'colour', 'blur', 'noise', 'jpeg'), 0.0)


@pytest.mark.parametrize('what', list(_OFF))
def test_each_jitter_alone_changes_the_picture_a_little(what):
    image = _sample(96)['img']
    jitter = PhotometricJitter(**{**_OFF, what: 1.0})
    changes = []
    for _ in range(20):
        found = jitter.transform({'img': image.copy()})['img']
        assert found.shape == image.shape
        assert found.dtype == np.uint8
        changes.append(np.abs(found.astype(int) - image).mean())
    assert 0.2 < np.mean(changes) < 60


def test_jitter_can_be_off():
    image = _sample(32)['img']
    found = PhotometricJitter(**_OFF).transform({'img': image})['img']
    np.testing.assert_array_equal(found, image)


def test_colour_jitter_keeps_gray_gray_and_no_change_is_identity():
    gray = np.repeat(np.arange(0, 256, 5, dtype=np.uint8), 3).reshape(4, -1, 3)
    jitter = PhotometricJitter(**{**_OFF, 'colour': 1.0})
    found = jitter.transform({'img': gray})['img'].astype(int)
    assert np.abs(found - gray).max() <= 1
    still = PhotometricJitter(saturation=0.0, hue=0.0)._colour_matrix()
    np.testing.assert_allclose(still, np.eye(3), atol=1e-6)


def test_colourless_images_are_gray_and_as_bright_as_before():
    image = _sample(96)['img']
    jitter = PhotometricJitter(
        **{**_OFF, 'colour': 1.0}, hue=0.0, colourless=1.0
    )
    found = jitter.transform({'img': image})['img'].astype(int)
    assert np.ptp(found, axis=2).max() <= 1
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(int)
    assert np.abs(found[..., 0] - gray).max() <= 1


def test_tone_table_rises():
    jitter = PhotometricJitter()
    for _ in range(20):
        table = jitter._tone_table().astype(int)
        assert table.shape == (1, 256, 3)
        assert (np.diff(table, axis=1) >= 0).all()


def test_noise_has_its_sigma_on_images_of_any_size():
    jitter = PhotometricJitter(noise=1.0, noise_sigma=10.0)
    image = np.full((600, 700, 3), 128, np.uint8)
    for _ in range(5):
        deviation = (jitter._add_noise(image).astype(int) - 128).std()
        assert 0.3 < deviation < 10.5


@pytest.mark.parametrize('length', [0.5, 3.0, 7.5])
def test_line_kernels_keep_brightness(length):
    kernel = line_kernel(length)
    assert kernel.sum() == pytest.approx(1)
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1


def test_occlusion_covers_a_bounded_part_and_spares_its_input():
    image = np.full((96, 96, 3), 99, np.uint8)
    occlusion = RandomOcclusion(prob=1.0, size=(0.1, 0.3))
    shares = []
    for _ in range(40):
        found = occlusion.transform({'img': image})['img']
        shares.append((found != image).any(-1).mean())
    assert (image == 99).all()
    assert 0.005 < np.mean(shares) < 0.09
    assert RandomOcclusion(prob=0.0).transform({'img': image})['img'] is image


def _band_energy(image):
    """Mean amplitude of high and of low spatial frequencies."""
    spectrum = np.abs(np.fft.fft2(image.mean(-1)))
    fy, fx = np.meshgrid(*[np.fft.fftfreq(n) for n in image.shape[:2]])
    radius = np.hypot(fx, fy)
    return spectrum[radius > 0.25].mean(), spectrum[radius < 0.04].mean()


def test_bands_of_gain_one_change_nothing():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(scale_bands(image, np.ones(3)), image)


def test_gains_scale_their_own_frequencies():
    rng = np.random.default_rng(1)
    image = rng.integers(90, 166, (64, 64, 3)).astype(np.uint8)
    high, low = _band_energy(image)
    sharper_high, sharper_low = _band_energy(
        scale_bands(image, np.array([1.5, 1, 1]))
    )
    assert sharper_high / high == pytest.approx(1.5, rel=0.15)
    assert sharper_low / low == pytest.approx(1, rel=0.05)


def test_spectrum_jitter_is_drawn_with_its_probability():
    image = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    never, always = SpectrumJitter(prob=0), SpectrumJitter(prob=1)
    assert (never({'img': image})['img'] == image).all()
    assert (always({'img': image})['img'] != image).any()
