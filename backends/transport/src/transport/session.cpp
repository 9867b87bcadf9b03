#include "transport/session.hpp"

#include "transport/connection_errors.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <optional>
#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Error cannot_connect(const std::string& label, const error_code& error) {
    return Error(Errc::connection_failed, label + ": cannot connect (" + error.message() +
                                              "); check that the server runs and that the address is right");
}

/// A TLS server does not answer plain text, or answers with an alert, which begins with this byte.
constexpr char tls_alert = 0x15;

} // namespace

Session::Session(const asio::any_io_executor& strand, std::unique_ptr<Codec> codec)
    : connect_timer(strand),
      socket_(strand),
      resolver_(strand),
      codec_(std::move(codec)),
      input_(new char[read_bytes]) {}

asio::awaitable<Result<void>> Session::open(const Endpoint& to, const Protocol& protocol, const std::string& label) {
    if (to.is_unix()) {
        const asio::local::stream_protocol::endpoint peer(to.socket_path);
        const auto error = co_await connect_to(peer);
        if (error) co_return cannot_connect(label, error);
    } else {
        auto done = co_await connect_tcp(to, label);
        if (!done) co_return done.error();
    }
    if (to.tls) {
        step = Step::agree_on_tls;
        auto done = co_await agree_on_tls(to, protocol, label);
        if (!done) co_return done.error();
    }
    step = Step::greet;
    co_return co_await greet(protocol, label);
}

asio::awaitable<Result<void>> Session::connect_tcp(const Endpoint& to, const std::string& label) {
    error_code error;
    // A numeric address spares the thread that Asio resolves names on.
    const auto numeric = asio::ip::make_address(to.host, error);
    std::vector<asio::ip::tcp::endpoint> peers;
    if (!error) {
        peers.emplace_back(numeric, to.port);
    } else {
        const auto port = std::to_string(to.port);
        const auto found =
            co_await resolver_.async_resolve(to.host, port, asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            co_return Error(Errc::connection_failed,
                            label + ": no such host (" + error.message() + "); check the name");
        }
        for (const auto& entry : found)
            peers.push_back(entry.endpoint());
    }
    for (const auto& peer : peers) {
        error = co_await connect_to(peer);
        if (!error || error == asio::error::operation_aborted) break;
    }
    if (error) co_return cannot_connect(label, error);
    error_code ignored; // only slower without
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    co_return Result<void>();
}

asio::awaitable<error_code> Session::connect_to(asio::generic::stream_protocol::endpoint peer) {
    error_code error;
    // A resolution or refusal that was on its way when abort() came does not make another attempt.
    if (aborted_) co_return asio::error::operation_aborted;
    socket_.close(error);
    socket_.open(peer.protocol(), error);
    if (error) co_return error;
    co_await socket_.async_connect(peer, asio::redirect_error(asio::use_awaitable, error));
    if (aborted_) co_return asio::error::operation_aborted;
    co_return error;
}

asio::awaitable<Result<void>> Session::agree_on_tls(const Endpoint& to, const Protocol& protocol,
                                                    const std::string& label) {
    if (aborted_) co_return cannot_connect(label, asio::error::operation_aborted);
    tls_ = std::make_unique<TlsStream>(socket_, *to.tls, to.host);
    co_return co_await tls_->shake_hands(label, protocol.advice_for_plain_text());
}

asio::awaitable<Result<void>> Session::greet(const Protocol& protocol, const std::string& label) {
    error_code error;
    co_await write(asio::buffer(codec_->greeting()), error);
    // The peer may have said why before it closed: what it sent is still to be read.
    std::vector<Reply> replies;
    bool answered = false;
    while (!codec_->is_greeted()) {
        replies.clear();
        auto got = co_await read(replies, label);
        for (const auto& reply : replies) {
            if (auto judged = codec_->on_greeting_reply(reply); !judged) co_return judged.error();
        }
        answered = answered || !replies.empty();
        if (!got) {
            const auto why = got.error();
            const bool lost = why == Errc::connection_lost;
            const bool may_want_tls = !tls_ && !answered && (lost || input_[0] == tls_alert);
            auto message = why.message();
            if (may_want_tls) message.append("; if this is a port for TLS, ").append(protocol.advice_for_tls());
            co_return Error(lost ? Errc::connection_failed : why.code(), std::move(message));
        }
    }
    co_return Result<void>();
}

asio::awaitable<Result<void>> Session::read(std::vector<Reply>& replies, const std::string& label) {
    error_code error;
    const auto room = codec_->room();
    const auto buffer = room.empty() ? asio::buffer(input_.get(), read_bytes) : asio::buffer(room.data(), room.size());
    const std::size_t got = co_await read_some(buffer, error);
    if (error) {
        if (auto refusal = tls_ ? tls_->refusal(error, label) : std::nullopt) co_return std::move(*refusal);
        co_return broke_error(label, error);
    }
    if (!room.empty()) {
        codec_->filled(got);
        co_return Result<void>();
    }
    auto fed = codec_->feed(BytesView(input_.get(), got), replies);
    if (!fed) co_return Error(fed.error().code(), label + ": " + fed.error().message());
    co_return Result<void>();
}

asio::awaitable<std::size_t> Session::read_some(asio::mutable_buffer to, error_code& error) {
    if (tls_) return tls_->read_some(to, error);
    return socket_.async_read_some(to, asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<std::size_t> Session::write(asio::const_buffer data, error_code& error) {
    if (tls_) return tls_->write(data, error);
    return asio::async_write(socket_, data, asio::redirect_error(asio::use_awaitable, error));
}

void Session::limit_opening(std::chrono::milliseconds timeout, std::function<void()> on_timeout) {
    connect_timer.expires_after(timeout);
    connect_timer.async_wait([late = std::move(on_timeout)](const error_code& error) {
        if (!error) late();
    });
}

Error Session::timed_out(const Protocol& protocol, const std::string& label, std::chrono::milliseconds timeout) const {
    // A server without TLS may take what is said to it for the beginning of a line, and wait for its end.
    const bool tls = step == Step::agree_on_tls;
    const char* const missing = tls ? "no TLS handshake" : "no connection and log-in";
    auto advice = std::string(tls ? "check that this is the server's port for TLS (for plain text, "
                                  : "check that the server answers");
    if (tls) advice.append(protocol.advice_for_plain_text()).append(")");
    if (step == Step::greet && !tls_) {
        advice.append(", and if this is its port for TLS, ").append(protocol.advice_for_tls());
    }
    return Error(Errc::connection_failed, label + ": " + missing + " within " + std::to_string(timeout.count()) +
                                              " ms; " + advice + ", or raise Options::connect_timeout");
}

std::optional<Session::Released> Session::release() {
    error_code error;
    const int descriptor = socket_.release(error);
    if (error) return std::nullopt;
    return Released{descriptor, std::move(codec_)};
}

void Session::abort() noexcept {
    aborted_ = true;
    error_code ignored;
    socket_.close(ignored);
    resolver_.cancel();
    connect_timer.cancel();
}

} // namespace tiercel::transport
