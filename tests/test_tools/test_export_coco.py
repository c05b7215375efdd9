"""`tools/dataset_converters/export_coco.py`: a thin shell of the export."""

import json

import pytest

from model_factory import load_tool
from shard_factory import make_row, write_shards
from synhand.synthesis.ledger import Manifest
from synhand.synthesis.shards import write_shard


@pytest.fixture
def export(monkeypatch, capsys):
    module = load_tool('dataset_converters/export_coco')

    def run(*arguments):
        argv = ['export_coco.py', *map(str, arguments)]
        monkeypatch.setattr('sys.argv', argv)
        code = module.main()
        return code, *capsys.readouterr()

    return run


def test_export_says_how_to_read_it(export, tmp_path):
    folder = write_shards(tmp_path / 'set', 6, 2)
    out = tmp_path / 'out'
    code, said, _ = export(folder, '--out', out, '--start', 2, '--num', 3)
    assert code == 0
    assert "ann_file='annotations/hands.json'" in said
    content = json.loads((out / 'annotations' / 'hands.json').read_text())
    assert [image['id'] for image in content['images']] == [2, 3, 4]
    files = [path.name for path in sorted(out.glob('images/*/*.jpg'))]
    assert files == [f'{i:09d}.jpg' for i in (2, 3, 4)]


def test_whole_pictures_have_all_their_hands(export, tmp_path):
    row = make_row(0)
    row['hands'].append(make_row(1)['hands'][0])
    folder = tmp_path / 'set'
    folder.mkdir()
    write_shard(folder / 'shard-00000.arrow', [row])
    for mode, count in (('crop', 1), ('frame', 2)):
        manifest = Manifest('', 0, 1, 1, {'mode': mode})
        manifest.write(folder)
        code, said, _ = export(folder, '--out', tmp_path / mode)
        assert code == 0
        assert f': {count} hands;' in said


def test_bad_input_is_one_line(export, tmp_path):
    code, _, errors = export(tmp_path / 'none', '--out', tmp_path / 'out')
    assert code == 1
    assert errors.strip().splitlines()[-1].startswith('error: ')
    assert 'no such folder' in errors
