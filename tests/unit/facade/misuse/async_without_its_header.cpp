#include <tiercel/cache.hpp>

#include <string>

void misuse(const tiercel::Cache<std::string, int>& cache) {
    (void)cache.async_get("key");
}
