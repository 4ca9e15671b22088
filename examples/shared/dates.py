"""Dates as people write them and as ISO 8601 does: what the translating examples learn.

A text names one to three dates, "thu 5th of march 1998 until 4/12/2001, 7.1.99"; its translation is
"1998-03-05/2001-04-12,1999-01-07". Slashes have the month first, dots the day; years of two digits
are 1950 to 2049. Letters and digits are indices into SOURCE and TARGET; dates.h has the same.
"""

import datetime
import pathlib
import random
import time

import numpy as np
import safetensors.numpy
import torch
import torch.nn.functional as F

import training

SOURCE = " ',-./0123456789;abcdefghijklmnopqrstuvwxyz"
STOP, START = 0, 1
TARGET = "^$,-/0123456789"  # the first two stand for STOP and START
MOST_DATES = 3

FIRST = datetime.date(1950, 1, 1).toordinal()
LAST = datetime.date(2049, 12, 31).toordinal()
MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september",
          "october", "november", "december"]
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
JOINS = {",": [", ", " and ", "; ", " or "], "/": [" to ", " until ", " - "]}
TRAIN, VALIDATION, TEST = 0, 1, 2


def split_of(ordinal):
    """Every day belongs to one split: a network is tested on days that it never saw."""
    return {0: TEST, 1: VALIDATION}.get(ordinal * 7919 % 20, TRAIN)


def written(day, rng):
    """One day as somebody might write it."""
    d, m, y = day.day, day.month, day.year
    ordinal = f"{d}{'th' if d // 10 == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(d % 10, 'th')}"
    month = rng.choice([MONTHS[m - 1], MONTHS[m - 1][:3]])
    year = rng.choice([f"{y}", f"{y}", f"'{y % 100:02}"])
    text = rng.choice([
        f"{d} {month} {year}", f"{ordinal} of {month} {year}", f"{ordinal} {month}, {year}",
        f"{month} {d}, {year}", f"{month} {ordinal} {year}", f"the {ordinal} of {month}, {year}",
        f"{d}.{m}.{y}", f"{d:02}.{m:02}.{y % 100:02}", f"{m}/{d}/{y}", f"{m:02}/{d:02}/{y}"])
    if text[0] != "t" and rng.random() < 0.2:
        name = DAYS[day.weekday()]
        text = rng.choice([f"{name}, ", f"{name[:3]} ", f"on {name} "]) + text
    return text


def compose(count, split, seed):
    """`count` pairs of text and translation."""
    rng = random.Random(seed)
    days = [day for day in range(FIRST, LAST + 1) if split_of(day) == split]
    pairs = []
    for _ in range(count):
        text = iso = ""
        for n in range(rng.randint(1, MOST_DATES)):
            day = datetime.date.fromordinal(rng.choice(days))
            if n:
                mark = rng.choice(list(JOINS))
                text, iso = text + rng.choice(JOINS[mark]), iso + mark
            text, iso = text + written(day, rng), iso + day.isoformat()
        pairs.append((text, iso))
    return pairs


def padded(rows, end):
    out = np.full((len(rows), max(map(len, rows))), end, np.int64)
    for row, indices in zip(out, rows):
        row[:len(indices)] = indices
    return torch.from_numpy(out)


def tensors(pairs):
    """source [N, S], its lengths [N], and target [N, T], which begins with START and ends with STOP."""
    source = [[SOURCE.index(c) for c in text] for text, _ in pairs]
    target = [[START, *(TARGET.index(c) for c in iso), STOP] for _, iso in pairs]
    return padded(source, 0), torch.tensor([len(row) for row in source]), padded(target, STOP)


def batches(pairs, size, rng):
    """Mixed batches of texts of like length."""
    pairs = pairs[:]
    rng.shuffle(pairs)
    chunks = []
    for at in range(0, len(pairs), 16 * size):
        some = sorted(pairs[at:at + 16 * size], key=lambda pair: len(pair[0]))
        chunks += [some[i:i + size] for i in range(0, len(some), size)]
    rng.shuffle(chunks)
    return [tensors(chunk) for chunk in chunks]


def known_part(target):
    """Which of target[:, 1:] count: all up to the first STOP."""
    return (target[:, 1:] == STOP).cumsum(1) - (target[:, 1:] == STOP).long() == 0


def exact_match(model, pairs):
    """The share of texts that greedy decoding translates without a mistake: those of which, given
    the right beginning, every letter is the likeliest."""
    model.eval()
    right = 0
    with torch.no_grad():
        for at in range(0, len(pairs), 250):
            source, lengths, target = tensors(pairs[at:at + 250])
            found = model(source, lengths, target[:, :-1]).argmax(-1)
            right += ((found == target[:, 1:]) | ~known_part(target)).all(1).sum().item()
    return right / len(pairs)


def train(model, steps, seed, peak_rate, size=32):
    """AdamW, warm-up and cosine, teacher forcing; in the first quarter of the steps texts of one date,
    in the second of up to two."""
    rng = random.Random(seed)
    pairs, validation = compose(40_000, TRAIN, seed), compose(250, VALIDATION, seed + 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, steps, pct_start=0.1)
    step, queue, began = 0, [], time.process_time()
    while step < steps:
        most = 1 + step * 4 // steps
        if not queue or step in (steps // 4, steps // 2):
            queue = batches([pair for pair in pairs if len(pair[1]) < 11 * most], size, rng)
        source, lengths, target = queue.pop()
        model.train()
        logits = model(source, lengths, target[:, :-1])
        known = known_part(target)
        loss = F.cross_entropy(logits[known], target[:, 1:][known])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        step += 1
        if step % 250 == 0 or step == steps:
            print(f"step {step}: loss {loss.item():.4f}, validation {exact_match(model, validation):.3f}, "
                  f"{time.process_time() - began:.0f} s of CPU", flush=True)


def run(make_model, weights_name, folder, description, steps, peak_rate=3e-3):
    """Trains, writes the weights and reads the test split once, as the command line says."""
    arguments = training.settings(description, folder, steps=steps)
    model = make_model()
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    train(model, arguments.steps, arguments.seed, peak_rate)
    training.finish(arguments, model, weights_name, lambda model: exact_match(model, compose(1000, TEST, 2)))


if __name__ == "__main__":
    # The pairs that the examples are tested on, as indices with -1 behind them.
    test = compose(1000, TEST, 2)
    safetensors.numpy.save_file(
        {name: padded([[letters.index(c) for c in pair[side]] for pair in test], -1).numpy().astype(np.int8)
         for side, (name, letters) in enumerate((("source", SOURCE), ("target", TARGET)))},
        pathlib.Path(__file__).parent / "dates.safetensors")
