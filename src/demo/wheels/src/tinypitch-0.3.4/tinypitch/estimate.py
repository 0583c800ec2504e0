"""Pitch by counting where the wave crosses its mean."""

from tinynum import array, mean, std


def pitch(samples, rate):
    """The pitch in hertz of samples taken `rate` times a second; 0 for silence."""
    samples = array(samples)
    if len(samples) < 2 or std(samples) == 0:
        return 0.0
    wave = samples - mean(samples)
    rises = sum(1 for before, after in zip(wave, wave[1:]) if before < 0 <= after)
    return rises * rate / len(samples)
