#pragma once

#include "support/certificates.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace tiercel::redis::test {

/// Listens on a loopback port, shows a certificate to whoever connects, and keeps what it is then told, in plain text.
/// Says nothing.
/// Thread safety: all members may be called concurrently.
class TlsPeer {
public:
    explicit TlsPeer(const tiercel::test::Certificate& certificate)
        : tls_(boost::asio::ssl::context::tls_server),
          acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {
        tls_.use_certificate_chain_file(certificate.certificate.string());
        tls_.use_private_key_file(certificate.key.string(), boost::asio::ssl::context::pem);
        boost::asio::co_spawn(context_, accept(), boost::asio::detached);
        thread_ = std::thread([this] { context_.run(); });
    }
    ~TlsPeer() {
        context_.stop();
        thread_.join();
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url(const std::string& log_in = "") const {
        return "rediss://" + log_in + "127.0.0.1:" + std::to_string(port());
    }
    /// How many did not like the certificate.
    int refusals() const noexcept { return refusals_; }
    bool heard(const std::string& words) const {
        const std::lock_guard lock(mutex_);
        return heard_.find(words) != std::string::npos;
    }
    bool heard_nothing() const {
        const std::lock_guard lock(mutex_);
        return heard_.empty();
    }

private:
    using Tcp = boost::asio::ip::tcp;

    boost::asio::awaitable<void> accept() {
        for (;;) {
            Tcp::socket socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            boost::asio::co_spawn(context_, listen(std::move(socket)), boost::asio::detached);
        }
    }

    boost::asio::awaitable<void> listen(Tcp::socket socket) {
        boost::system::error_code error;
        boost::asio::ssl::stream<Tcp::socket> stream(std::move(socket), tls_);
        co_await stream.async_handshake(boost::asio::ssl::stream_base::server,
                                        boost::asio::redirect_error(boost::asio::use_awaitable, error));
        if (error) {
            ++refusals_;
            co_return;
        }
        std::string input(4096, '\0');
        for (;;) {
            const auto size = co_await stream.async_read_some(
                boost::asio::buffer(input), boost::asio::redirect_error(boost::asio::use_awaitable, error));
            {
                const std::lock_guard lock(mutex_);
                heard_.append(input, 0, size);
            }
            if (!error) continue;
            // With TLS 1.3 who shows the certificate is done with the handshake before it is judged.
            if (error.category() == boost::asio::error::get_ssl_category()) ++refusals_;
            co_return;
        }
    }

    mutable std::mutex mutex_;
    std::string heard_;
    std::atomic<int> refusals_{0};
    boost::asio::io_context context_;
    boost::asio::ssl::context tls_;
    Tcp::acceptor acceptor_;
    std::thread thread_;
};

} // namespace tiercel::redis::test
