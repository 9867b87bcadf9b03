// How do I cache the pages that a web server renders, and honour Cache-Control and ETag?
//
// A server on Boost.Beast coroutines that then makes requests to itself.

#include "expect.hpp"

#include <tiercel/async.hpp>
#include <tiercel/cache.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

struct Page {
    std::string body;
    std::string cache_control;
    std::string etag;
};
using Pages = tiercel::Cache<std::string, Page>;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

std::atomic<int> rendered = 0;

/// The application: writes a page, and says for how long it may be kept.
std::optional<Page> render(const std::string& path) {
    const int serial = ++rendered;
    const auto page = [&](std::string body, std::string cache_control) {
        auto etag = '"' + std::to_string(std::hash<std::string>()(body)) + '"';
        return Page{std::move(body), std::move(cache_control), std::move(etag)};
    };
    if (path == "/news") return page("<h1>News</h1>", "public, max-age=60");
    if (path == "/serial") return page(std::to_string(serial), "no-store");
    if (path == "/stale") return page("<h1>At once out of date</h1>", "max-age=0");
    return std::nullopt;
}

bool mentions(std::string_view header, std::string_view word) {
    return header.find(word) != header.npos;
}

/// What a page's Cache-Control says, in the cache's words.
// [snippet cache_control]
tiercel::Loaded<Page> load(const std::string& path) {
    auto page = render(path);
    if (!page) return {}; // no such page: remembered for ExpiryOptions::negative_ttl
    const std::string_view control = page->cache_control;
    tiercel::Loaded<Page> loaded;
    loaded.cacheable = !mentions(control, "no-store");
    if (const auto at = control.find("max-age="); at != control.npos) {
        int seconds = 0; // zero is not to be cached
        std::from_chars(control.data() + at + 8, control.data() + control.size(), seconds);
        loaded.ttl = std::chrono::seconds(seconds);
    }
    loaded.value = std::move(page);
    return loaded;
}
// [/snippet]

asio::awaitable<Response> answer(const Request& request, const Pages& pages) {
    const std::string path(request.target());
    if (mentions(request[http::field::cache_control], "no-cache")) co_await pages.async_invalidate(path);
    const auto page = co_await pages.async_get_or_load(path);

    Response response(http::status::ok, request.version());
    if (!page) {
        response.result(http::status::service_unavailable);
        response.body() = page.error().message();
    } else if (!*page) {
        response.result(http::status::not_found);
    } else {
        const auto& [body, cache_control, etag] = **page;
        const auto age = std::chrono::duration_cast<std::chrono::seconds>(page->age());
        response.set(http::field::cache_control, cache_control);
        response.set(http::field::etag, etag);
        response.set(http::field::age, std::to_string(age.count()));
        if (mentions(request[http::field::if_none_match], etag)) {
            response.result(http::status::not_modified);
        } else {
            response.body() = body;
        }
    }
    response.keep_alive(request.keep_alive());
    response.prepare_payload();
    co_return response;
}

asio::awaitable<void> serve(tcp::socket socket, const Pages& pages) {
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    for (bool more = true; more;) {
        stream.expires_after(30s);
        Request request;
        const auto [failed_to_read, read] = co_await http::async_read(stream, buffer, request, token);
        if (failed_to_read) co_return;
        const auto response = co_await answer(request, pages);
        const auto [failed_to_write, written] = co_await http::async_write(stream, response, token);
        more = !failed_to_write && response.keep_alive();
    }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, const Pages& pages) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), pages), asio::detached);
    }
}

/// Asks the server on the loopback `port`.
Response fetch(unsigned short port, const std::string& path, http::field header = http::field::user_agent,
               const std::string& value = "example") {
    asio::io_context context;
    beast::tcp_stream stream(context);
    stream.connect({asio::ip::address_v4::loopback(), port});
    Request request(http::verb::get, path, 11);
    request.set(http::field::host, "localhost");
    request.set(header, value);
    http::write(stream, request);
    beast::flat_buffer buffer;
    Response response;
    http::read(stream, buffer, response);
    return response;
}

} // namespace

int main() {
    const auto pages = Pages::create({.name = "pages", .loader = load}).value();
    asio::io_context loop;
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
    const auto port = acceptor.local_endpoint().port();
    asio::co_spawn(loop, listen(acceptor, pages), asio::detached);
    std::jthread server([&] { loop.run(); });

    const auto news = fetch(port, "/news");
    example::expect(news.body() == "<h1>News</h1>" && fetch(port, "/news").body() == news.body() && rendered == 1,
                    "max-age=60: two requests, one rendering");

    const auto unchanged = fetch(port, "/news", http::field::if_none_match, std::string(news[http::field::etag]));
    example::expect(unchanged.result() == http::status::not_modified && unchanged.body().empty() && rendered == 1,
                    "who has the page already gets 304 and no body");

    fetch(port, "/news", http::field::cache_control, "no-cache");
    example::expect(rendered == 2, "no-cache in a request: rendered anew");

    example::expect(fetch(port, "/serial").body() == "3" && fetch(port, "/serial").body() == "4",
                    "no-store: rendered for each request");
    fetch(port, "/stale");
    fetch(port, "/stale");
    example::expect(rendered == 6, "max-age=0: the same");

    example::expect(fetch(port, "/nothing").result() == http::status::not_found &&
                        fetch(port, "/nothing").result() == http::status::not_found && rendered == 7,
                    "404 is remembered too");

    pages.clear();
    {
        std::vector<std::jthread> readers;
        for (int i = 0; i < 8; ++i)
            readers.emplace_back([&] { fetch(port, "/news"); });
    }
    example::expect(rendered == 8, "8 readers at once, one rendering");
    loop.stop();
}
