#include <tiercel/cache.hpp>

#include <string>
#include <vector>

void misuse(const tiercel::Cache<std::string, int>& cache) {
    (void)cache.get_or_load("key", [](const std::string& key) { return std::vector<std::string>{key}; });
}
