#include <tiercel/cache.hpp>

#include <string>

void misuse(tiercel::Cache<std::string, int>::Options& options) {
    options.writer = [](const std::string&, int) { return true; };
}
