import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.metrics import alignment, lips
from gaussian_head.quiet import silent_frames


def face(opening, width=None):
    """Landmarks [T, 478, 2] with the inner-lip gap `opening` and mouth width `width` in units of the eye distance."""
    T = len(opening)
    rng = np.random.default_rng(3)
    points = np.repeat(rng.uniform(100, 300, (1, 478, 2)), T, 0)
    points[:, lips.EYE_RIGHT] = (100, 100)
    points[:, lips.EYE_LEFT] = (300, 100)
    points[:, lips.UPPER_INNER] = (200, 220)
    points[:, lips.LOWER_INNER] = np.stack([np.full(T, 200.0), 220 + 200 * np.asarray(opening)], 1)
    width = np.full(T, 0.4) if width is None else np.asarray(width)
    points[:, lips.CORNER_RIGHT] = np.stack([200 - 100 * width, np.full(T, 230.0)], 1)
    points[:, lips.CORNER_LEFT] = np.stack([200 + 100 * width, np.full(T, 230.0)], 1)
    return points


def speech_like(T=200, seed=0):
    rng = np.random.default_rng(seed)
    x = np.convolve(rng.normal(size=T + 40), np.hanning(9), "same")[20 : T + 20]
    return 0.1 + 0.03 * (x - x.min())


def test_landmark_distance_by_hand():
    truth = face(np.full(5, 0.1))
    moved = truth + np.array([3.0, 4.0])
    assert lips.landmark_distance(truth, moved) == pytest.approx(0, abs=1e-9)
    assert lips.landmark_distance(truth, moved, centred=False) == pytest.approx(5)
    wider = truth.copy()
    wider[:, lips.LOWER_INNER, 1] += 10  # one of 20 points: it moves by 9.5 after centring, each of the rest by 0.5
    assert lips.landmark_distance(truth, wider) == pytest.approx((9.5 + 19 * 0.5) / 20)


def test_frames_without_a_face_are_skipped():
    truth = face(np.full(5, 0.1))
    predicted = truth + 1
    predicted[2] = np.nan
    assert lips.landmark_distance(truth, predicted, centred=False) == pytest.approx(np.sqrt(2))
    assert np.isnan(lips.landmark_distance(truth, truth * np.nan))


def test_opening_and_width():
    opening, width = np.array([0.0, 0.1, 0.3]), np.array([0.3, 0.4, 0.5])
    points = face(opening, width) * 3  # scale does not matter
    assert lips.mouth_opening(points) == pytest.approx(opening)
    assert lips.lip_width(points) == pytest.approx(width)


@pytest.mark.parametrize("shift", [-4, 0, 3])
def test_best_lag_finds_a_shift(shift):
    signal = speech_like(220)
    lag = alignment.best_lag(signal[10:210], signal[10 - shift : 210 - shift], fps=25)
    assert lag.seconds == pytest.approx(shift / 25, abs=0.008)
    assert lag.correlation > 0.98


def test_correlation_matches_numpy_and_survives_stillness():
    a, b = speech_like(seed=1), speech_like(seed=2)
    assert alignment.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert np.isnan(alignment.correlation(a, np.ones_like(a)))
    with pytest.raises(InputError, match="must be equal"):
        alignment.correlation(a, b[:-1])


def test_closure_errors_by_hand():
    truth = np.array([0, 0, 0, 0, 1.0, 1.0, 0, 0, 0.5, 1.0])
    silent = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    predicted = truth.copy()
    predicted[1] = 0.6
    predicted[6] = 0.3
    errors = lips.closure_errors(truth, predicted, silent)
    assert errors == lips.ClosureErrors(open_in_silence=0.25, unclosed=0.5, silent_frames=4, closed_frames=2)


def test_silence_is_found():
    fps, rate = 25, 16000
    samples = 0.3 * np.sin(2 * np.pi * 200 * np.arange(4 * rate) / rate)
    samples[rate : 2 * rate] *= 0.001
    silent = silent_frames(samples, fps, 110)
    assert silent[30:45].all()
    assert not silent[:22].any()
    assert not silent[55:95].any()
    assert silent[105:].all()  # beyond the end of the sound


def naive_warping(a, b):
    da, db = np.diff(a, prepend=a[0]), np.diff(b, prepend=b[0])
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost[i, j] = abs(da[i - 1] - db[j - 1]) + min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
    return cost[-1, -1]


def test_time_warping_path_is_optimal():
    a, b = speech_like(60, 1), speech_like(45, 2)
    path = alignment.derivative_time_warping(a, b)
    da, db = np.diff(a, prepend=a[0]), np.diff(b, prepend=b[0])
    assert np.abs(da[path[:, 0]] - db[path[:, 1]]).sum() == pytest.approx(naive_warping(a, b))
    steps = np.diff(path, axis=0)
    assert set(map(tuple, steps)) <= {(0, 1), (1, 0), (1, 1)}
    assert tuple(path[0]) == (0, 0)
    assert tuple(path[-1]) == (59, 44)


def test_misalignment_measures_a_delay():
    signal = speech_like(230, 5)
    truth = signal[10:210]
    same = alignment.mean_temporal_misalignment(truth, truth, 25)
    late = alignment.mean_temporal_misalignment(truth, signal[8:208], 25)
    assert same.seconds == 0
    assert same.matched == 1
    assert late.seconds == pytest.approx(2 / 25, abs=0.01)
    still = alignment.mean_temporal_misalignment(truth, np.ones(200), 25)
    assert np.isnan(still.seconds)
    assert still.matched == 0


def test_speech_lip_correlation():
    rng = np.random.default_rng(0)
    fps, seconds = 25, 20
    level = np.repeat(rng.uniform(0.1, 1, seconds), fps)
    opening = 0.2 + 0.1 * level * np.where(np.arange(len(level)) % 2, 1, -1)
    samples = np.repeat(level, 16000 // fps) * rng.normal(size=16000 * seconds)
    assert lips.speech_lip_correlation(face(opening), samples, fps) > 0.9
    assert abs(lips.speech_lip_correlation(face(opening), samples[::-1], fps)) < 0.7
    assert np.isnan(lips.speech_lip_correlation(face(opening[:30]), samples, fps))


def test_two_seconds_tell_the_right_sound_from_another_but_not_how_far_lips_move():
    rng = np.random.default_rng(1)
    fps, frames = 25, 50
    right, other = [], []
    for _ in range(40):
        level = np.abs(rng.normal(size=(2, 13))).repeat(4, axis=1)[:, :frames]  # syllables of 0.16 s
        own = 0.6 * np.abs(rng.normal(size=13)).repeat(4)[:frames]  # lips have ways of their own
        opening = 0.2 + 0.1 * (level[0] + own) * np.where(np.arange(frames) % 2, 1, -1)
        sounds = level.repeat(16000 // fps, axis=1) * rng.normal(size=(2, 640 * frames))
        right.append(lips.speech_lip_correlation(face(opening), sounds[0], fps))
        other.append(lips.speech_lip_correlation(face(opening), sounds[1], fps))
        hardly = lips.speech_lip_correlation(face(0.2 + 0.01 * (opening - 0.2)), sounds[0], fps)
        assert hardly == pytest.approx(right[-1], abs=1e-6)
    assert np.mean(np.array(right)[:, None] > np.array(other)) > 0.95


def test_detection_on_real_footage(footage):
    from gaussian_head.media import read_frames

    frames = list(read_frames(footage / "clips" / "obama.mp4", duration=0.1))[:2]
    frames.append(np.zeros_like(frames[0]))
    found = lips.detect_landmarks(iter(frames))
    assert found.shape == (3, 478, 2)
    assert np.isnan(found[2]).all()
    assert 0 <= lips.mouth_opening(found)[0] < 0.5
    assert lips.landmark_distance(found[:1], found[1:2]) < 5


def test_silence_by_hand():
    from gaussian_head.metrics.lips import silence_scores

    captured = np.linspace(0, 0.4, 101)
    scores = silence_scores(captured, np.array([0.0, 0.05, 0.2, np.nan]), np.array([0.3, 0.3, 0.0, 0.0]))
    assert scores.closed == pytest.approx(2 / 3)
    assert scores.closed_truth == pytest.approx(0.5)
    assert scores.frames == 3
    none = silence_scores(captured, np.zeros(0), np.zeros(0))
    assert np.isnan(none.closed)
    assert none.frames == 0


def test_two_seconds_are_enough_for_the_loudness_of_lips():
    rng = np.random.default_rng(0)
    envelope = np.repeat([0.1, 1.0, 0.3, 0.8, 0.2], 10)
    samples = (np.repeat(envelope, 640) * rng.normal(0, 0.1, 32000)).astype(np.float32)
    points = np.zeros((50, 478, 2))
    points[:, 263, 0] = 100.0
    sway = np.where(np.arange(50) % 2, 1.0, -1.0) * envelope
    points[:, list(lips.LIPS[:10]), 1] = sway[:, None] * 3
    assert lips.speech_lip_correlation(points, samples, 25) > 0.9
    assert np.isnan(lips.speech_lip_correlation(points[:30], samples, 25))
