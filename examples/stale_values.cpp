// How do I keep answering while the source of truth is slow or down, and load values anew before they expire?

#include "expect.hpp"

#include <tiercel/cache.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

/// Rates of exchange, from somebody else's server; which has its bad days.
class RateService {
public:
    tiercel::Result<double> rate(const std::string& currency) {
        ++requests;
        if (down) return tiercel::Error(tiercel::Errc::connection_failed, "the rate service is down");
        return currency == "EUR" ? 1.0 : 0.93;
    }
    std::atomic<bool> down = false;
    std::atomic<int> requests = 0;
};

/// A page that the server can be asked for "if it has changed since".
struct Response {
    int status = 200;
    std::string body;
    std::string etag;
};
Response fetch(const std::string& if_none_match) {
    if (if_none_match == "v1") return {304, "", ""};
    return {200, "hello", "v1"};
}

} // namespace

int main() {
    RateService service;
    // [snippet stale_values]
    auto rates = tiercel::Cache<std::string, double>::create({
        .name = "rates",
        .expiry = {.ttl = 50ms},
        .stale = {.keep = 24h,               // better a day old than none
                  .while_revalidate = false, // but new if it can be had
                  .soft_timeout = 100ms,     // within this
                  .retry_after = 10s},       // and a service that is down is left alone for so long
        .refresh = {.ahead = 0.8},           // a rate in use is loaded anew before it expires
        .loader = [&](const std::string& currency) { return service.rate(currency); },
    });
    // [/snippet]

    auto rate = rates->get_or_load("USD");
    example::expect(rate && !rate->is_stale(), "a rate is loaded");

    service.down = true;
    const auto expired = std::chrono::steady_clock::now() + 51ms;
    std::this_thread::sleep_until(expired); // an example has no virtual clock; the tests have

    // [snippet stale_values_use]
    rate = rates->get_or_load("USD");
    if (rate && rate->is_stale()) {
        const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(rate->age());
        std::printf("the service is down; this rate is %lld ms old\n", static_cast<long long>(age.count()));
    }
    const auto exact = rates->get_or_load("USD", {.require = tiercel::Require::fresh}); // or .max_staleness = 1h
    // [/snippet]
    example::expect(rate && rate->is_stale(), "the service is down, and the old rate is still served");
    example::expect(rate->stale_reason() == tiercel::StaleReason::load_failed, "with the reason");
    example::expect(!exact, "who needs a fresh one gets the service's error");

    const int before = service.requests;
    rate = rates->get_or_load("USD");
    example::expect(rate->stale_reason() == tiercel::StaleReason::retry_later && service.requests == before,
                    "the service is not asked again by each lookup");

    // [snippet revalidation]
    using Page = tiercel::Validated<std::string>; // a value, and what its source knows that state of it by
    auto pages = tiercel::Cache<std::string, Page>::create({
        .name = "pages",
        .expiry = {.ttl = 50ms},
        .stale = {.keep = 1h, .while_revalidate = false},
        .loader = [](const std::string&, const tiercel::LoadContextOf<Page>& context) -> tiercel::Loaded<Page> {
            const auto previous = context.previous(); // a Handle: empty if the cache has none
            auto response = fetch(previous ? previous->validator : "");
            if (response.status == 304) return tiercel::Loaded<Page>::unchanged(); // it lives another 50 ms
            return {Page{response.body, response.etag}};
        },
    });
    // [/snippet]
    (void)pages->get_or_load("/");
    std::this_thread::sleep_until(std::chrono::steady_clock::now() + 51ms);
    const auto page = pages->get_or_load("/");
    example::expect(page && (*page)->value == "hello" && !page->is_stale(), "an unchanged page begins another life");
    example::expect(pages->stats().source.unchanged == 1, "without having been sent again");
}
