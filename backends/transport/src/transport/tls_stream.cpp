#include "transport/tls_stream.hpp"

#include "transport/tls_context.hpp"
#include "transport/tls_failure.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

namespace tiercel::transport {

namespace asio = boost::asio;
using boost::system::error_code;

class TlsStream::Impl {
public:
    Impl(Socket& socket, std::unique_ptr<SSL, TlsDeleter> state, std::string server)
        : name(std::move(server)), stream(socket, state.release()) {}

    TlsFailure failure(const error_code& error) {
        const bool from_tls = error.category() == asio::error::get_ssl_category();
        const bool closed = error == asio::error::eof || error == asio::error::connection_reset ||
                            error == asio::error::broken_pipe || is_end(error);
        return {.peer_closed = closed,
                .reason = from_tls ? ERR_GET_REASON(static_cast<unsigned long>(error.value())) : 0,
                .verify_result = SSL_get_verify_mode(stream.native_handle()) == SSL_VERIFY_NONE
                                     ? X509_V_OK
                                     : SSL_get_verify_result(stream.native_handle()),
                .words = error.message()};
    }

    const std::string name;
    asio::ssl::stream<Socket&> stream;
};

TlsStream::TlsStream(Socket& socket, const TlsContext& context, const std::string& host)
    : impl_(std::make_unique<Impl>(socket, context.start(host), context.name_of(host))) {}

TlsStream::~TlsStream() = default;

asio::awaitable<Result<void>> TlsStream::shake_hands(const std::string& label, std::string_view advice_for_plain_text) {
    error_code error;
    co_await impl_->stream.async_handshake(asio::ssl::stream_base::client,
                                           asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return handshake_error(impl_->failure(error), label, impl_->name, advice_for_plain_text);
    co_return Result<void>();
}

asio::awaitable<std::size_t> TlsStream::read_some(asio::mutable_buffer to, error_code& error) {
    return impl_->stream.async_read_some(to, asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<std::size_t> TlsStream::write(asio::const_buffer data, error_code& error) {
    return asio::async_write(impl_->stream, data, asio::redirect_error(asio::use_awaitable, error));
}

void TlsStream::async_write_some(asio::const_buffer data, WriteHandler handler) {
    impl_->stream.async_write_some(data, std::move(handler));
}

std::optional<Error> TlsStream::refusal(const error_code& error, const std::string& label) const {
    return refusal_of_certificate(impl_->failure(error), label);
}

bool TlsStream::is_end(const error_code& error) noexcept {
    return error == asio::ssl::error::stream_truncated;
}

} // namespace tiercel::transport
