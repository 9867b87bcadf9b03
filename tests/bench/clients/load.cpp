#include "load.hpp"

namespace tiercel::bench::clients {
namespace {

std::vector<std::string> numbered(const std::string& prefix) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < key_count; ++i) {
        const auto number = std::to_string(i);
        keys.push_back(prefix + std::string(12 - number.size(), '0') + number);
    }
    return keys;
}

} // namespace

const std::vector<std::string>& our_keys() {
    static const auto keys = numbered("our:");
    return keys;
}

const std::vector<std::string>& raw_keys() {
    static const auto keys = numbered("key:");
    return keys;
}

} // namespace tiercel::bench::clients
