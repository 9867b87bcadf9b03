// How do I use a backend of my own? As any other.

#include "expect.hpp"
#include "file_backend.hpp"

#include "support/temp_dir.hpp"

#include <tiercel/cache.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main() {
    const tiercel::test::TempDir directory;
    int loads = 0;
    const auto start_service = [&] {
        // [snippet custom_backend]
        auto pages = tiercel::Cache<std::string, std::string>::create({
            .name = "pages",
            .tiers = {{.backend = example::file_backend(directory.path() / "pages"), .timeout = 500ms}},
            .expiry = {.ttl = 24h},
            .loader = [&](const std::string& url) { return ++loads, "the page at " + url; },
        });
        // [/snippet]
        return std::move(pages).value();
    };

    start_service().get_or_load("/index.html").value();

    const auto restarted = start_service();
    const auto page = restarted.get_or_load("/index.html").value();
    std::cout << *page << '\n' << to_table(restarted.stats()) << '\n';
    example::expect(page.source().kind == tiercel::Source::Kind::tier && loads == 1, "the page was on the disk");

    restarted.invalidate("/index.html");
    example::expect(!start_service().get("/index.html"), "and is gone from there after invalidate()");
    example::expect(restarted.prime_from("files").value().counts.keys == 0, "as the list of the disk's keys says");
}
