#include "heed/runtime/error.h"

#include <system_error>

namespace heed {

Error::~Error() = default;

const char* Error::what() const noexcept { return sentence_->c_str(); }

std::shared_ptr<const std::string> Error::joined(std::initializer_list<detail::ErrorPart> parts) {
  std::string sentence;
  for (const detail::ErrorPart& part : parts) sentence += part.text();
  return std::make_shared<const std::string>(std::move(sentence));
}

std::string system_message(int number) { return std::generic_category().message(number); }

}  // namespace heed
