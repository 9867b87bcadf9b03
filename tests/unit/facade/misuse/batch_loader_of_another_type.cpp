#include <tiercel/cache.hpp>

#include <span>
#include <string>

void misuse(const tiercel::Cache<std::string, int>& cache) {
    (void)cache.get_or_load("key", [](std::span<const std::string> keys) { return static_cast<int>(keys.size()); });
}
