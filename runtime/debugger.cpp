// gdb sets a breakpoint on __jit_debug_register_code and reads __jit_debug_descriptor; names,
// layout and version are its own ("JIT Compilation Interface" in its manual).
#include "heed/runtime/debugger.h"

#include <cstdint>
#include <mutex>

extern "C" {

enum JitAction : std::uint32_t { jit_no_action, jit_register, jit_unregister };

struct JitEntry {
  JitEntry* next;
  JitEntry* previous;
  const char* symbol_file;
  std::uint64_t size;
};

struct JitDescriptor {
  std::uint32_t version;
  std::uint32_t action;
  JitEntry* relevant;
  JitEntry* first;
};

__attribute__((visibility("default"), used))
JitDescriptor __jit_debug_descriptor = {1, jit_no_action, nullptr, nullptr};

__attribute__((visibility("default"), noinline, used)) void __jit_debug_register_code() {
  asm volatile("" ::: "memory");  // the call stays, though it does nothing
}
}

namespace heed {
namespace {

std::mutex& list_mutex() {
  static std::mutex mutex;
  return mutex;
}

void tell(JitAction action, JitEntry* entry) {
  __jit_debug_descriptor.action = action;
  __jit_debug_descriptor.relevant = entry;
  __jit_debug_register_code();
  __jit_debug_descriptor.action = jit_no_action;
}

class Registration {
 public:
  explicit Registration(std::vector<std::byte> symbol_file) : bytes_(std::move(symbol_file)) {
    const std::lock_guard lock(list_mutex());
    JitEntry*& first = __jit_debug_descriptor.first;
    entry_ = {first, nullptr, reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
    if (first) first->previous = &entry_;
    first = &entry_;
    tell(jit_register, &entry_);
  }
  Registration(const Registration&) = delete;
  ~Registration() {
    const std::lock_guard lock(list_mutex());
    (entry_.previous ? entry_.previous->next : __jit_debug_descriptor.first) = entry_.next;
    if (entry_.next) entry_.next->previous = entry_.previous;
    tell(jit_unregister, &entry_);
  }

 private:
  std::vector<std::byte> bytes_;
  JitEntry entry_;
};

}  // namespace

std::shared_ptr<const void> register_with_debugger(std::vector<std::byte> symbol_file) {
  return std::make_shared<const Registration>(std::move(symbol_file));
}

}  // namespace heed
