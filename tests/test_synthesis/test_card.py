"""The card: numbers of the set, of its runs and of its checks."""

import hashlib
import json

import pytest

from shard_factory import make_row
from synhand.synthesis.card import self_check, write_card
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.ledger import (
    Manifest,
    SetError,
    append_log,
    environment,
    write_checksums,
)
from synhand.synthesis.shards import shard_name, write_shard
from synhand.synthesis.verify import Verification, record


def row(index):
    facts = {'tone': 3.0, 'attempts': 1 + index % 3, 'repaired': index % 2}
    facts |= {'kind': 'people', 'touching': index % 4 == 0}
    facts['rejected'] = {'hidden': index % 3}
    made = make_row(index)
    made['scene'] = json.dumps({**facts, 'surfaces': [1, 3]})
    made['hands'][0]['shape'] = [0.5, 180.0]
    made['hands'][0]['kind'] = 'gesture:fist' if index % 4 else 'free'
    return made


@pytest.fixture
def folder(tmp_path):
    """Two of three shards of a set of 12, made in two runs."""
    for shard in range(2):
        rows = map(row, range(4 * shard, 4 * shard + 4))
        write_shard(tmp_path / shard_name(shard), rows)
        name = f'run {shard}'
        append_log(
            tmp_path,
            'run',
            run=name,
            at=f'2026-01-0{1 + shard}T10:00:00Z',
            workers=2,
            environment={'renderer': 'llvmpipe', **environment()},
        )
        append_log(
            tmp_path, 'shard', run=name, shard=shard, images=4, seconds=10.0
        )
    Manifest.of(SynthesisConfig(seed=11), 12, 4).write(tmp_path)
    return tmp_path


def card(folder):
    write_card(folder)
    return (folder / 'README.md').read_text()


def test_card_names_counts_shares_and_lacks(folder):
    text = card(folder)
    assert '8 rendered images with 8 labelled hands in 2 shards' in text
    assert '**4 images are not made yet.**' in text
    for line in (
        '| left | 4 | 50.0 % |',
        '| 128 x 128 px | 8 | 100.0 % |',
        '| gesture | 6 | 75.0 % |',
        '| free | 2 | 25.0 % |',
        '| drawn: garment or jewellery | 8 | 100.0 % |',
        '| scene: people | 8 | 100.0 % |',
        '| two hands touch | 2 | 25.0 % |',
        '| share of every hand in the image | ',
        '| index_mcp - index_pip | 39.8 ± 0.0 | 40-40 |  |  | 39.8 ± 4.9 |',
        '1 named gestures: fist 6.',
        'wrist 100,',
    ):
        assert line in text
    assert 'Skin, % of images: Monk 01 0, Monk 02 0, Monk 03 100' in text


def test_card_names_configuration_and_versions(folder):
    text = card(folder)
    assert 'Seed 11, generator version' in text
    assert SynthesisConfig(seed=11).digest() in text
    assert '"second_hand": 0.2' in text
    assert environment()['numpy'] in text
    assert 'Buryanov' in text
    assert '| index_pip_flexion | 0..116 |' in text


def test_card_adds_up_the_runs(folder):
    text = card(folder)
    assert '| 2026-01-02T10:00:00Z | 2 local | 4 | 10 s | 0.4 im' in text
    assert '| all 2 runs |  | 8 | 20 s | 0.4 images/s |' in text
    assert 'renderer llvmpipe' in text


def test_card_counts_what_the_self_check_did(folder):
    """Scenes of rows 0 to 7: 1, 2, 3, 1, 2, 3, 1, 2; rows 1, 3, .. opened."""
    statistics = write_card(folder)
    line = self_check(statistics)
    assert '8 images passed; 5 drawn again' in line
    dropped = '7 scenes dropped; too few of its keypoints are seen: 7'
    assert f'({dropped}), 4 poses opened' in line
    text = (folder / 'README.md').read_text()
    assert line in text
    assert 'images by scenes drawn: 1: 3, 2: 3, 3: 2' in text


def test_card_says_whether_the_check_still_holds(folder):
    assert 'not verified since' in card(folder)
    record(folder, Verification(shards=2, rows=8, hands=8, problems=3))
    assert '8 hands, 0 images made again' in card(folder)
    assert '**3 problems**' in card(folder)
    assert 'has changed since' not in card(folder)
    write_checksums(folder, {shard_name(0): '0' * 64})
    assert 'has changed since' in card(folder)


def test_checksums_are_of_the_shards(folder):
    card(folder)
    lines = (folder / 'checksums.txt').read_text().splitlines()
    assert lines == [
        f'{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}'
        for name in map(shard_name, range(2))
    ]


def test_folder_without_manifest_is_named(folder):
    (folder / 'set.json').unlink()
    with pytest.raises(SetError, match='set.json: no such file'):
        write_card(folder)
