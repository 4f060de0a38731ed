"""What people hand over as a photograph: each kind is read, or refused in a sentence that helps."""

import io
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from gaussian_head.checks import InputError
from gaussian_head.media import is_photograph, read_photograph
from gaussian_head.photo import reconstruct_photos
from gaussian_head.photo.view import _bearded, faces_in, prepare
from gaussian_head.verbs.reconstruct import Options, run


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    data = pytest.importorskip("skimage.data")
    return Image.fromarray(np.ascontiguousarray(data.astronaut()[0:400, 30:430]))


def test_a_plain_photograph_has_one_face_and_every_part(portrait, tmp_path):
    portrait.save(tmp_path / "me.jpg", quality=95)
    read = read_photograph(tmp_path / "me.jpg")
    assert read.notes == ()
    assert read.alpha is None
    assert faces_in(read) == 1
    view = prepare(read, size=256)
    assert view.image.shape == (256, 256, 3)
    assert view.landmarks.shape == (478, 2)
    assert view.landmarks.min() > 0
    assert view.landmarks.max() < 256
    assert view.hair.mean() > 0.03
    assert view.face_pixels > 64
    with pytest.raises(InputError, match=r"--person 2 was wanted, but me\.jpg shows 1"):
        prepare(read, size=256, person=2)


def test_cmyk_and_sixteen_bits_are_read_as_they_look(portrait, tmp_path):
    portrait.convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    grey = np.asarray(portrait.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(tmp_path / "deep.png")
    printed, deep = read_photograph(tmp_path / "print.jpg"), read_photograph(tmp_path / "deep.png")
    assert "CMYK" in printed.notes[0]
    assert "16 bits" in deep.notes[0]
    assert np.abs(printed.rgb.astype(int) - np.asarray(portrait)).mean() < 12
    assert np.abs(deep.rgb[..., 0].astype(int) - np.asarray(portrait.convert("L"))).mean() < 1


def test_what_is_transparent_is_the_background(portrait, tmp_path):
    clear = portrait.convert("RGBA")
    matte = np.zeros(portrait.size[::-1], np.uint8)
    matte[20:, 60:340] = 255
    clear.putalpha(Image.fromarray(matte))
    clear.save(tmp_path / "cut.png")
    read = read_photograph(tmp_path / "cut.png")
    assert "transparent" in read.notes[0]
    assert np.array_equal(read.alpha, matte)


def test_a_photograph_lying_on_its_side_is_turned_as_the_camera_noted(portrait, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    portrait.rotate(90, expand=True).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    read = read_photograph(tmp_path / "phone.jpg")
    assert "turned upright" in read.notes[0]
    assert np.abs(read.rgb.astype(int) - np.asarray(portrait)).mean() < 6


def test_the_lens_that_a_camera_notes_is_known(portrait, tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0xA405: 50}
    portrait.save(tmp_path / "phone.jpg", exif=exif)
    assert read_photograph(tmp_path / "phone.jpg").focal == pytest.approx(50 / 36 * 400)


def test_of_an_animation_the_first_picture_is_taken(portrait, tmp_path):
    portrait.save(tmp_path / "wave.gif", save_all=True, append_images=[portrait.rotate(20)] * 3, duration=100)
    read = read_photograph(tmp_path / "wave.gif")
    assert "animated" in read.notes[0]
    assert read.rgb.shape == (400, 400, 3)


def test_a_heic_photograph_without_a_decoder_says_how_to_get_one(tmp_path):
    if find_spec("pillow_heif") is not None:
        pytest.skip("pillow-heif is installed")
    head = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00" + bytes(64)
    for name in ("IMG_1.heic", "renamed.jpg"):
        (tmp_path / name).write_bytes(head)
        with pytest.raises(InputError, match=r"HEIC photograph.*pillow-heif.*Most Compatible"):
            read_photograph(tmp_path / name)


def test_a_heic_photograph_is_read_where_its_decoder_is_installed(portrait, tmp_path):
    pytest.importorskip("pillow_heif", reason="pillow-heif is not installed").register_heif_opener()
    portrait.convert("RGB").save(tmp_path / "IMG_1.heic", quality=95)
    read = read_photograph(tmp_path / "IMG_1.heic")
    assert np.abs(read.rgb.astype(float) - np.asarray(portrait.convert("RGB"))).mean() < 3


def test_a_damaged_file_is_refused(portrait, tmp_path):
    whole = io.BytesIO()
    portrait.save(whole, "JPEG")
    (tmp_path / "half.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 3])
    (tmp_path / "text.jpg").write_text("no picture at all")
    for name in ("half.jpg", "text.jpg"):
        with pytest.raises(InputError, match=r"cannot be read.*a whole jpg"):
            read_photograph(tmp_path / name)


def test_no_face_a_drawing_and_an_object_are_refused(tmp_path):
    data = pytest.importorskip("skimage.data")
    from PIL import ImageDraw

    drawing = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(drawing)
    pen.ellipse((80, 60, 320, 360), outline="black", width=4)
    for x in (150, 250):
        pen.ellipse((x - 15, 160, x + 15, 190), fill="black")
    pen.arc((140, 200, 260, 310), 20, 160, fill="black", width=4)
    for name, picture in (("coffee", data.coffee()), ("cat", data.chelsea()), ("drawing", np.array(drawing))):
        path = tmp_path / f"{name}.png"
        Image.fromarray(picture).save(path)
        with pytest.raises(
            InputError, match=f"(no face was found in|no person around it).*|{name}.png shows something"
        ):
            prepare(read_photograph(path), size=256)


def test_a_thumbnail_is_refused(portrait, tmp_path):
    portrait.resize((130, 130), Image.Resampling.LANCZOS).save(tmp_path / "small.png")
    with pytest.raises(InputError, match=r"pixels wide; 64 or more are wanted"):
        prepare(read_photograph(tmp_path / "small.png"), size=256)


def test_of_two_people_one_has_to_be_named(portrait, tmp_path):
    both = Image.new("RGB", (800, 400))
    both.paste(portrait, (0, 0))
    both.paste(portrait.resize((360, 360)), (420, 20))
    both.save(tmp_path / "us.png")
    with pytest.raises(InputError, match=r"us.png shows 2 people; say whom with --person 1"):
        reconstruct_photos([tmp_path / "us.png"], tmp_path / "out", size=256)
    read = read_photograph(tmp_path / "us.png")
    first, second = (prepare(read, size=256, person=n) for n in (1, 2))
    assert first.face_pixels > second.face_pixels
    assert not (tmp_path / "out" / "head").exists()


def test_the_verb_tells_videos_from_photographs(portrait, tmp_path):
    portrait.save(tmp_path / "me.jpg")
    assert is_photograph("A.HEIC")
    assert is_photograph("a.webp")
    assert not is_photograph("a.mp4")
    with pytest.raises(InputError, match="--resume goes on with a video"):
        run(Options(tmp_path / "me.jpg", out=tmp_path / "out", resume=True))
    for source in (tmp_path / "me.jpg", (tmp_path / "a.mp4", tmp_path / "b.mp4")):
        with pytest.raises(InputError, match="--refine photometric is for one video"):
            run(Options(source, out=tmp_path / "out", refine="photometric"))
    with pytest.raises(InputError, match=r"2 files came, among them a\.mp4"):
        run(Options((tmp_path / "me.jpg", tmp_path / "a.mp4"), out=tmp_path / "out"))
    with pytest.raises(InputError, match="6 photographs came; one to 5"):
        run(Options((tmp_path / "me.jpg",) * 6, out=tmp_path / "out"))
    with pytest.raises(InputError, match="--person chooses among people in photographs"):
        run(Options(tmp_path / "a.mp4", out=tmp_path / "out", person=2))


def test_a_beard_is_no_hair_that_hangs_before_the_neck():
    low = np.zeros((100, 100), bool)
    low[70:80, 40:60] = True
    low[60:95, 5:12] = True
    marks = np.zeros((478, 2))
    marks[:, 0], marks[0, 0], marks[1, 0], marks[152] = 50, 25, 75, (50, 70)
    beard = _bearded(low, marks)
    assert beard[70:80, 40:60].all()
    assert not beard[:, :12].any()
