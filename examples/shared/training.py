"""What the scripts that train the examples' weights have in common: their command line, and what
becomes of the model."""

import argparse
import pathlib

import safetensors.torch
import torch


def settings(description, folder, **length):
    """Where to write, how long to train (steps=4000, say) and from which seed, as the command line
    says; one thread, and torch's own numbers from that seed."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--output", type=pathlib.Path, default=folder)
    for unit, count in length.items():
        parser.add_argument(f"--{unit}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-test", action="store_true",
                        help="train and validate only: for choosing the settings")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    return arguments


def finish(arguments, model, weights_name, score):
    """Writes the weights, reads the test split once and says its score; nothing without a test.
    Whether there was one."""
    if arguments.no_test:
        return False
    weights = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    safetensors.torch.save_file(weights, arguments.output / weights_name)
    print(f"test {score(model):.4f}")
    return True
