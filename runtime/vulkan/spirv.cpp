#include "heed/runtime/vulkan/spirv.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "heed/runtime/abi/gpu_kernel.h"
#include "heed/runtime/error.h"

namespace heed::vulkan {
namespace {

// The few instructions that matter, by the numbers of the SPIR-V specification, section 3.42.
enum Opcode : std::uint32_t {
  op_entry_point = 15,
  op_execution_mode = 16,
  op_capability = 17,
  op_type_bool = 20,
  op_type_int = 21,
  op_type_float = 22,
  op_type_vector = 23,
  op_type_matrix = 24,
  op_type_array = 28,
  op_type_struct = 30,
  op_type_pointer = 32,
  op_constant = 43,
  op_function = 54,
  op_function_end = 56,
  op_variable = 59,
  op_decorate = 71,
};
constexpr std::uint32_t gl_compute = 5, local_size_mode = 17, workgroup_class = 4,
                        binding_decoration = 33;
constexpr std::int64_t most_shared = std::int64_t(1) << 40;

using Words = std::span<const std::uint32_t>;

class Reader {
 public:
  explicit Reader(std::span<const std::byte> module) : words_(module.size() / 4) {
    std::memcpy(words_.data(), module.data(), words_.size() * 4);
  }

  ModuleFacts read() {
    if (words_.size() * 4 < std::size_t(abi::spirv_header_bytes) || words_[0] != abi::spirv_magic)
      wrong("it does not begin like one");
    for (std::size_t at = 5; at < words_.size();) {
      const std::uint32_t size = words_[at] >> 16;
      if (size == 0 || size > words_.size() - at) wrong("an instruction ends behind the last word");
      instruction(words_[at] & 0xFFFF, Words(words_).subspan(at + 1, size - 1));
      at += size;
    }
    if (function_) wrong("a function does not end");
    for (auto& [function, entry] : entries_) {
      entry.shared_bytes = shared_bytes(function);
      facts_.entry_points.push_back(entry);
    }
    return std::move(facts_);
  }

 private:
  [[noreturn]] void wrong(const char* what) const {
    throw Error("vulkan: a SPIR-V module is malformed, ", what, "; compile the network again");
  }
  void need(Words operands, std::size_t count) const {
    if (operands.size() < count) wrong("an instruction lacks operands");
  }

  void instruction(std::uint32_t opcode, Words operands) {
    switch (opcode) {
      case op_capability:
        need(operands, 1);
        facts_.capabilities.push_back(operands[0]);
        break;
      case op_entry_point:
        need(operands, 3);
        if (operands[0] == gl_compute) entries_[operands[1]].name = text(operands.subspan(2));
        break;
      case op_execution_mode:
        need(operands, 2);
        if (operands[1] != local_size_mode || !entries_.contains(operands[0])) break;
        need(operands, 5);
        std::ranges::copy(operands.subspan(2, 3), entries_[operands[0]].local_size.begin());
        break;
      case op_decorate:
        need(operands, 2);
        if (operands[1] != binding_decoration) break;
        need(operands, 3);
        facts_.most_binding = std::max(facts_.most_binding, std::int64_t(operands[2]));
        break;
      case op_type_bool:
      case op_type_int:
      case op_type_float:
        need(operands, opcode == op_type_bool ? 1 : 2);
        sizes_[operands[0]] = opcode == op_type_bool ? 4 : operands[1] / 8;
        break;
      case op_type_vector:
      case op_type_matrix:
        need(operands, 3);
        sizes_[operands[0]] = bounded(sizes_[operands[1]], operands[2]);
        break;
      case op_type_array:
        need(operands, 3);
        sizes_[operands[0]] = bounded(sizes_[operands[1]], constants_[operands[2]]);
        break;
      case op_type_struct:
        need(operands, 1);
        for (std::uint32_t member : operands.subspan(1))
          sizes_[operands[0]] = bounded(sizes_[operands[0]] + sizes_[member], 1);
        break;
      case op_type_pointer:
        need(operands, 3);
        if (operands[1] == workgroup_class) pointees_[operands[0]] = operands[2];
        break;
      case op_constant:
        need(operands, 3);
        constants_[operands[1]] = operands[2];
        break;
      case op_variable:
        need(operands, 3);
        if (operands[2] == workgroup_class) shared_[operands[1]] = sizes_[pointees_[operands[0]]];
        break;
      case op_function:
        need(operands, 4);
        function_ = operands[1];
        break;
      case op_function_end: function_ = 0; break;
      default:
        if (function_) names_[function_].insert(operands.begin(), operands.end());
    }
  }

  std::int64_t bounded(std::int64_t size, std::int64_t count) const {
    if (size && (count < 0 || count > most_shared / size)) wrong("a type has an impossible size");
    return size * count;
  }

  std::string text(Words words) const {
    std::string chars(reinterpret_cast<const char*>(words.data()), words.size() * 4);
    return chars.substr(0, chars.find('\0'));
  }

  // Of the variables that a function and those it calls name. Literals count as names, too: they
  // can only add.
  std::int64_t shared_bytes(std::uint32_t function) {
    std::int64_t total = 0;
    std::set<std::uint32_t> seen{function};
    for (std::vector<std::uint32_t> left{function}; !left.empty();) {
      const std::set<std::uint32_t>& names = names_[left.back()];
      left.pop_back();
      for (std::uint32_t name : names) {
        if (!seen.insert(name).second) continue;
        if (const auto variable = shared_.find(name); variable != shared_.end())
          total = bounded(total + variable->second, 1);
        if (names_.contains(name)) left.push_back(name);
      }
    }
    return total;
  }

  std::vector<std::uint32_t> words_;
  ModuleFacts facts_;
  std::map<std::uint32_t, EntryPoint> entries_;  // by function
  std::map<std::uint32_t, std::int64_t> sizes_, constants_, shared_;
  std::map<std::uint32_t, std::uint32_t> pointees_;
  std::map<std::uint32_t, std::set<std::uint32_t>> names_;  // that occur in a function
  std::uint32_t function_ = 0;
};

}  // namespace

ModuleFacts read_module(std::span<const std::byte> module) { return Reader(module).read(); }

}  // namespace heed::vulkan
