#include <tiercel/cache.hpp>

#include <string>

int main() {
    tiercel::Cache<std::string, int>::Options options;
    options.name = "numbers";
    options.loader = [](const std::string& key) { return static_cast<int>(key.size()); };
    options.writer = [](const std::string&, int) {};
    return *tiercel::Cache<std::string, int>::create(options)->get_or_load("key").value();
}
