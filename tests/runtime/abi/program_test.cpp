// The program file: there and back, and every damage is an Error.
#include "heed/runtime/abi/program.h"

#include <cstring>

#include "../must_throw.h"
#include "../random.h"
#include "../sample_program.h"
#include "heed/runtime/abi/checksum.h"
#include "heed/runtime/abi/gpu_kernel.h"

using heed::Dim;
using heed::abi::Program;
using heed::testing::check_error;
using Bytes = std::vector<std::byte>;

namespace {

// Damage past the checksum, so that it reaches what the checksum guards.
Bytes sealed(Bytes bytes) {
  if (bytes.size() < 32) return bytes;
  const std::uint64_t size = bytes.size() - 32,
                      sum = heed::abi::checksum(std::span(bytes).subspan(32));
  std::memcpy(bytes.data() + 16, &size, 8);
  std::memcpy(bytes.data() + 24, &sum, 8);
  return bytes;
}

template <class Change>
void check_refused(Change&& change, std::initializer_list<std::string_view> words) {
  Program program = heed::testing::sample_program();
  program.code = {{}};
  change(program);
  check_error([&] { heed::abi::read_program(heed::abi::write_program(program)); }, words);
}

}  // namespace

TEST_CASE("program: bytes there and back") {
  const Program program = heed::testing::sample_program();
  const Bytes bytes = heed::abi::write_program(program);
  const Program again = heed::abi::read_program(bytes);
  CHECK(heed::abi::write_program(again) == bytes);
  CHECK(again.name == "Sample");
  CHECK(again.inputs[0].type == program.inputs[0].type);
  CHECK(again.guards[0].value == program.guards[0].value);
  CHECK(again.arena[0].bytes[0] == Dim("B") * Dim("T") * Dim(16));
  CHECK(again.steps[1].buffers[2].place == heed::abi::Place::output);
  CHECK(again.steps[0].label == "linear");
  CHECK(again.code == program.code);
  CHECK(again.remarks == program.remarks);
  CHECK(again.kernels[2].object == 0);
}

TEST_CASE("program: every kind of dimension survives") {
  Program program;
  const Dim H("H"), W("W");
  program.inputs = {{"x", {heed::DType::f32, {2, {H, W}}}}};
  for (const Dim& d : {Dim(-5), H * W * Dim(3) - Dim(7), (H * Dim(3)) / 4,
                       heed::floor_div(H * Dim(2) + Dim(3), 7) * W, H * H * H - W * W + H})
    program.guards.push_back({d, 0, ""});
  const Program again = heed::abi::read_program(heed::abi::write_program(program));
  for (std::size_t i = 0; i < program.guards.size(); ++i)
    CHECK(again.guards[i].value == program.guards[i].value);
}

TEST_CASE("program: foreign, truncated and damaged bytes") {
  const Bytes bytes = heed::abi::write_program(heed::testing::sample_program());
  auto read = [](const Bytes& b) { heed::abi::read_program(b); };
  check_error([&] { read({}); }, {"no program"});
  check_error([&] { read(Bytes(100)); }, {"no program", "HEEDPROG"});
  check_error([&] { read(Bytes(bytes.begin(), bytes.end() - 1)); }, {"truncated"});
  Bytes other = bytes;
  other[8] = std::byte(9);
  check_error([&] { read(other); }, {"version 9", "version 7", "compile"});
  other = bytes;
  other[200] ^= std::byte(1);
  check_error([&] { read(other); }, {"checksum", "damaged"});
  other = bytes;
  other.push_back(std::byte(0));
  check_error([&] { read(sealed(other)); }, {"unused bytes"});
  int accepted = 0;
  for (std::size_t size = 32; size < bytes.size(); size += 1 + size / 50)
    accepted += heed::testing::error_of([&] {
                  read(sealed(Bytes(bytes.begin(), bytes.begin() + std::ptrdiff_t(size))));
                }).empty();
  CHECK(accepted == 0);
}

TEST_CASE("program: damage behind a good checksum never does worse than an Error") {
  Program program = heed::testing::sample_program();
  program.code = {{}};
  const Bytes bytes = heed::abi::write_program(program);
  heed::testing::Random random(7);
  for (int i = 0; i < 4000; ++i)
    heed::testing::error_of(
        [&] { heed::abi::read_program(sealed(heed::testing::damaged(bytes, random, 32))); });
}

TEST_CASE("program: indices and symbols are checked") {
  using heed::abi::Place;
  check_refused([](Program& p) { p.steps[0].kernel = 3; }, {"'linear'", "kernel 3 of 3"});
  check_refused([](Program& p) { p.steps[0].kernel = -1; }, {"kernel -1"});
  check_refused([](Program& p) { p.steps[0].buffers[1].index = 2; },
                {"'linear'", "its table has 2"});
  check_refused(
      [](Program& p) {
        p.steps[0].buffers[1] = {Place::constant, 64};
      },
      {"its table has 64"});
  check_refused([](Program& p) { p.steps[0].buffers[1] = {Place::constant, 4}; }, {"alignment"});
  check_refused([](Program& p) { p.kernels[1].object = 1; }, {"'linear'", "object 1 of 1"});
  check_refused([](Program& p) { p.steps[0].grain = 0; }, {"grain 0"});
  check_refused([](Program& p) { p.steps[1].counts_tiles = true; },
                {"'tanh'", "tiles in 0 bytes", "16 are needed"});
  check_refused([](Program& p) { p.steps[1].packs_once = true; },
                {"'tanh'", "packed in 0 bytes", "40 are needed"});
  check_refused([](Program& p) { p.steps[0].work = Dim("Q"); }, {"defines 'Q'", "'linear'"});
  check_refused(
      [](Program& p) {
        p.prepare[0].buffers[0] = {Place::input, 0};
      },
      {"prepare", "session"});
  check_refused([](Program& p) { p.prepare[0].work = Dim("B"); }, {"a number is needed"});
  check_refused([](Program& p) { p.prepared[0].bytes = {Dim("B")}; }, {"a prepared slot", "B"});
  check_refused([](Program& p) { p.parameters[0].type.shape[0] = Dim("B"); },
                {"parameter 'weight'"});
  check_refused([](Program& p) { p.result_count = 5; }, {"5 results", "2 outputs"});
  check_refused([](Program& p) { p.inputs[0].type.shape[1] = Dim("B"); }, {"defines 'T'"});
  check_refused([](Program& p) { p.updates = {{0, 2}}; }, {"result 2 of 2", "input 0"});
  check_refused([](Program& p) { p.updates = {{-1, 0}}; }, {"result 0", "input -1"});
  check_refused([](Program& p) { p.updates = {{0, 0}}; }, {"result 0", "input 0", "another type"});
  check_refused(
      [](Program& p) {
        p.outputs[0].type = p.inputs[0].type;
        p.updates = {{0, 0}, {0, 0}};
      },
      {"input 0 or result 0", "twice"});
}

TEST_CASE("program: updates there and back") {
  Program program = heed::testing::sample_program();
  program.code = {{}};
  program.outputs[1].type = program.inputs[0].type;
  program.updates = {{0, 1}};
  const Program again = heed::abi::read_program(heed::abi::write_program(program));
  REQUIRE(again.updates.size() == 1);
  CHECK(again.updates[0].input == 0);
  CHECK(again.updates[0].output == 1);
}

namespace {

// As code for a GPU; never run.
Program with_modules() {
  Program p = heed::testing::sample_program();
  p.format = heed::abi::CodeFormat::spirv;
  p.code = {Bytes(20)};
  std::memcpy(p.code[0].data(), &heed::abi::spirv_magic, 4);
  p.kernels[1].group = 64;
  p.steps[0].scratch_bytes = 0;
  return p;
}
template <class Change>
void check_modules_refused(Change&& change, std::initializer_list<std::string_view> words) {
  Program program = with_modules();
  change(program);
  check_error([&] { heed::abi::read_program(heed::abi::write_program(program)); }, words);
}

}  // namespace

TEST_CASE("program: GPU code there and back, and its damage") {
  const Bytes bytes = heed::abi::write_program(with_modules());
  const Program again = heed::abi::read_program(bytes);
  CHECK(heed::abi::write_program(again) == bytes);
  CHECK(again.format == heed::abi::CodeFormat::spirv);
  CHECK(again.kernels[1].group == 64);
  CHECK(again.code[0].size() == 20);
  heed::testing::Random random(13);
  for (int i = 0; i < 4000; ++i)
    heed::testing::error_of(
        [&] { heed::abi::read_program(sealed(heed::testing::damaged(bytes, random, 32))); });
}

TEST_CASE("program: GPU code is checked") {
  using heed::abi::CodeFormat;
  check_modules_refused([](Program& p) { p.format = CodeFormat(2); }, {"unknown format of code"});
  check_modules_refused([](Program& p) { p.kernels[1].group = 0; },
                        {"'linear'", "0 items at once"});
  check_modules_refused([](Program& p) { p.format = CodeFormat::elf; },
                        {"'linear'", "64 items at once"});
  check_modules_refused([](Program& p) { p.code[0].pop_back(); }, {"19 bytes", "no SPIR-V module"});
  check_modules_refused([](Program& p) { p.code[0].resize(22); }, {"22 bytes", "no SPIR-V module"});
  check_modules_refused([](Program& p) { p.code[0][0] = std::byte(0); },
                        {"object 0", "no SPIR-V module"});
  check_modules_refused([](Program& p) { p.steps[0].scratch_bytes = 16; },
                        {"'linear'", "scratch memory"});
}

namespace {

// tanh once for each of the T turns, its result handed on.
Program with_loop() {
  using heed::abi::Place;
  Program p = heed::testing::sample_program();
  p.code = {{}};
  p.steps[1].buffers = {{Place::carried, 0}, {Place::parameter, 2}, {Place::next, 0}};
  p.steps[1].dims = {Dim("t") * Dim("B") - Dim(1)};
  p.loops = {
      {Dim("t").terms[0].factors[0].symbol, Dim("T"), true, 1, 2, {Place::next, 0}, Dim("B")}};
  p.carried = {{0, {Place::input, 0}, {Place::output, 0}, {Place::arena, 0}, Dim("B") * Dim(12)}};
  return p;
}
template <class Change>
void check_loop_refused(Change&& change, std::initializer_list<std::string_view> words) {
  Program program = with_loop();
  change(program);
  check_error([&] { heed::abi::read_program(heed::abi::write_program(program)); }, words);
}

}  // namespace

TEST_CASE("program: loops there and back") {
  const Bytes bytes = heed::abi::write_program(with_loop());
  const Program again = heed::abi::read_program(bytes);
  CHECK(heed::abi::write_program(again) == bytes);
  CHECK(again.loops[0].count == Dim("T"));
  CHECK(again.loops[0].reverse);
  CHECK(again.loops[0].going.place == heed::abi::Place::next);
  CHECK(again.loops[0].going_count == Dim("B"));
  CHECK(again.carried[0].other.place == heed::abi::Place::arena);
  CHECK(again.carried[0].bytes == Dim("B") * Dim(12));
  heed::testing::Random random(11);
  for (int i = 0; i < 4000; ++i)
    heed::testing::error_of(
        [&] { heed::abi::read_program(sealed(heed::testing::damaged(bytes, random, 32))); });
}

TEST_CASE("program: loops are checked") {
  using heed::abi::Place;
  const Dim t("t"), B("B");
  check_loop_refused([](Program& p) { p.loops[0].end = 3; }, {"loop 0", "steps 1 to 3 of 2"});
  check_loop_refused([](Program& p) { p.loops[0].first = 2; }, {"loop 0", "steps 2 to 2"});
  check_loop_refused([](Program& p) { p.loops[0].symbol = Dim("B").terms[0].factors[0].symbol; },
                     {"loop 0", "'B'", "of an input"});
  check_loop_refused([](Program& p) { p.loops[0].symbol = ' '; }, {"name of a loop's turn"});
  check_loop_refused([](Program& p) { p.loops[0].count = Dim("Q"); }, {"'Q'", "loop 0"});
  check_loop_refused([](Program& p) { p.loops[0].going_count = Dim("Q"); }, {"'Q'", "loop 0"});
  check_loop_refused([](Program& p) { p.loops[0].going.index = 1; }, {"loop 0", "its table has 1"});
  check_loop_refused([&](Program& p) { p.carried[0].bytes = t; },
                     {"defines 't'", "carried value 0"});
  check_loop_refused(
      [](Program& p) {
        p.loops.push_back(p.loops[0]);
        p.loops[1].first = 0;
      },
      {"loop 1", "neither inside nor behind"});
  check_loop_refused([](Program& p) { p.loops.push_back(p.loops[0]); },
                     {"loop 1", "symbol of loop 0"});
  check_loop_refused(
      [](Program& p) {
        p.loops.clear();
        for (std::uint64_t n = 0; n < 66; ++n) {
          p.loops.push_back(with_loop().loops[0]);
          p.loops.back().symbol = 'a' | (('a' + n % 26) << 8) | (('a' + n / 26) << 16);
        }
      },
      {"nested in more than 64"});
  check_loop_refused([&](Program& p) { p.steps[1].dims = {t * t}; }, {"'tanh'", "not linear"});
  check_loop_refused([&](Program& p) { p.steps[1].dims = {heed::floor_div(t, 2)}; },
                     {"not linear"});
  check_loop_refused([&](Program& p) { p.steps[1].work = t * B; },
                     {"'tanh'", "changes with the turn"});
  check_loop_refused([&](Program& p) { p.steps[0].dims = {t}; }, {"defines 't'", "'linear'"});
  check_loop_refused([](Program& p) { p.steps[0].buffers[0] = {Place::carried, 0}; },
                     {"'linear'", "carried value 0 outside of its loop"});
  check_loop_refused([](Program& p) { p.steps[1].buffers[0].index = 1; }, {"its table has 1"});
  check_loop_refused([](Program& p) { p.carried[0].loop = 1; }, {"carried value 0", "loop 1 of 1"});
  check_loop_refused([](Program& p) { p.carried[0].initial = {Place::carried, 0}; },
                     {"carried value 0", "outside of its loop"});
  check_loop_refused([](Program& p) { p.carried[0].last = {Place::input, 0}; },
                     {"not for writing"});
}
