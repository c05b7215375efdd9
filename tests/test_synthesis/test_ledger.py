"""What is kept beside the shards: manifest, log, checksums."""

import json
from dataclasses import replace

import pytest

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.ledger import (
    CHECKSUMS,
    LOG,
    MANIFEST,
    Manifest,
    SetError,
    append_log,
    claim,
    complete_checksums,
    read_checksums,
    read_log,
    read_runs,
    sha256,
    wall_seconds,
)
from synhand.synthesis.poses import PoseShares

CONFIG = SynthesisConfig(
    seed=7, poses=PoseShares(free=0.9), distance_mm=(300.0, 500.0)
)


def test_configuration_survives_the_file(tmp_path):
    claim(tmp_path, Manifest.of(CONFIG, 25, 10))
    manifest = Manifest.read(tmp_path)
    assert manifest.synthesis_config() == CONFIG
    assert manifest.num_shards == 3
    assert [list(manifest.rows(k))[::9] for k in range(3)] == [
        [0, 9],
        [10, 19],
        [20],
    ]


def test_set_of_another_generator_cannot_be_made_again(tmp_path):
    manifest = replace(Manifest.of(CONFIG, 5, 5), generator_version=0)
    with pytest.raises(SetError, match='made by generator version 0, this'):
        manifest.synthesis_config()


def test_other_photos_are_told(tmp_path):
    photos = tmp_path / 'photos'
    photos.mkdir()
    (photos / 'a.jpg').write_bytes(b'one')
    config = replace(CONFIG, backgrounds=str(photos))
    manifest = Manifest.of(config, 5, 5)
    moved = photos.rename(tmp_path / 'moved')
    assert manifest.synthesis_config(moved).backgrounds == str(moved)
    claim(tmp_path, manifest)
    claim(tmp_path, Manifest.of(replace(CONFIG, backgrounds=str(moved)), 5, 5))
    (moved / 'b.jpg').write_bytes(b'two')
    with pytest.raises(SetError, match='expected the same photos in'):
        manifest.synthesis_config(moved)
    config = replace(CONFIG, backgrounds=str(moved))
    with pytest.raises(SetError, match=r'digest is .*\(other photos\)'):
        claim(tmp_path, Manifest.of(config, 5, 5))


@pytest.mark.parametrize('text', ['', '[]', '{"num": 3}', '{"digest'])
def test_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(SetError, match='set.json: not a manifest'):
        Manifest.read(tmp_path)


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(SetError, match='set.json: no such file'):
        Manifest.read(tmp_path)


def test_line_that_a_kill_cut_is_left_out(tmp_path):
    append_log(tmp_path, 'run', workers=2)
    with (tmp_path / LOG).open('a') as file:
        file.write('{"event": "sha\n')
    append_log(tmp_path, 'shard', shard=3)
    assert [e['event'] for e in read_log(tmp_path)] == ['run', 'shard']
    assert json.loads((tmp_path / LOG).read_text().splitlines()[0])['at']


def log_run(folder, name, at, end, images):
    """A run whose only shard was done at its end."""
    append_log(
        folder, 'run', run=name, at=at, workers=2, environment={'numpy': '2'}
    )
    append_log(folder, 'shard', run=name, images=images, seconds=end)


def test_wall_time_counts_machines_that_run_together_once(tmp_path):
    log_run(tmp_path, 'a', '2026-01-02T10:00:00Z', 60.0, 100)
    log_run(tmp_path, 'b', '2026-01-02T10:00:50Z', 30.0, 50)
    log_run(tmp_path, 'c', '2026-01-02T10:00:20Z', 10.0, 20)
    log_run(tmp_path, 'd', '2026-01-03T10:00:00Z', 5.0, 7)
    append_log(tmp_path, 'end', run='d', seconds=6.5)
    append_log(tmp_path, 'environment', run='d', environment={'numpy': '1'})
    runs = read_runs(tmp_path)
    assert [run.images for run in runs] == [100, 50, 20, 7]
    assert runs[-1].seconds == 6.5
    assert runs[-1].environments == [{'numpy': '2'}, {'numpy': '1'}]
    assert wall_seconds(runs) == pytest.approx(80.0 + 6.5)
    assert wall_seconds([]) == 0.0


def test_run_without_a_shard_made_nothing(tmp_path):
    append_log(tmp_path, 'run', run='a', workers=1, environment={})
    append_log(tmp_path, 'verify', rows=3)
    assert read_runs(tmp_path) == []


def test_checksums_are_completed_and_not_made_anew(tmp_path):
    for k, data in enumerate((b'a', b'b')):
        (tmp_path / f'shard-0000{k}.arrow').write_bytes(data)
    first = complete_checksums(tmp_path)
    (tmp_path / 'shard-00000.arrow').write_bytes(b'rotten')
    (tmp_path / 'shard-00001.arrow').unlink()
    (tmp_path / 'shard-00002.arrow').write_bytes(b'c')
    second = complete_checksums(tmp_path)
    assert second['shard-00000.arrow'] == first['shard-00000.arrow']
    assert list(second) == ['shard-00000.arrow', 'shard-00002.arrow']
    assert second == read_checksums(tmp_path)
    new = tmp_path / 'shard-00002.arrow'
    assert second[new.name] == sha256(new)


def test_damaged_checksums_are_named(tmp_path):
    (tmp_path / CHECKSUMS).write_text('abc  shard-00000.arrow\n')
    with pytest.raises(SetError, match='checksums.txt: .*expected a SHA-256'):
        read_checksums(tmp_path)
