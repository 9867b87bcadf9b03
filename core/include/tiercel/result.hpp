#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tiercel {

/// What went wrong, as a value to switch on. The text for people is in Error::message().
/// The kinds from `connection_failed` on are reported by backends; the others by the cache itself.
enum class Errc : unsigned char {
    closed,          ///< the cache or backend was closed; nothing was done
    timeout,         ///< the deadline passed; a write may or may not have been applied
    cancelled,       ///< the caller asked to stop
    overloaded,      ///< a bounded queue is full; try later or raise the named bound
    invalid_option,  ///< an option is out of range or contradicts another; the message names the field
    invalid_key,     ///< the key is longer than the cache's tiers take
    value_too_large, ///< the value is over the tier's or the cache's limit
    no_loader,       ///< a loading call on a cache without a loader
    loader_failed,   ///< the loader reported an error or threw
    writer_failed,   ///< the writer reported an error or threw; the write did not succeed
    codec_failed,    ///< a key or value could not be encoded or decoded
    recursive_load,  ///< a loader asked its own cache for the key it is loading
    would_block,     ///< a blocking call on the event loop's own thread; use the async form
    unsupported,     ///< the backend cannot do this
    corrupt,         ///< bytes that are no envelope of ours, or damaged
    breaker_open,    ///< the tier has not answered for a while and was not asked; see BreakerOptions

    connection_failed,     ///< no connection could be made
    connection_lost,       ///< the connection broke before the reply; a write may have been applied
    authentication_failed, ///< wrong or missing credentials
    permission_denied,     ///< the user may not run this command or touch this key
    not_ready,             ///< the server is still loading its data
    out_of_memory,         ///< the server refuses writes for lack of memory
    read_only,             ///< the server is a replica, or otherwise refuses writes
    wrong_type,            ///< the key holds something that is not a plain value
    moved,                 ///< the key lives on another node of a cluster
    protocol_error,        ///< the peer does not speak the protocol expected of it
    server_error,          ///< any other error reply
};

inline constexpr std::size_t errc_count = static_cast<std::size_t>(Errc::server_error) + 1;

/// The enumerator's own name, for logs and metric labels.
std::string_view to_string(Errc code) noexcept;

/// A kind, and a sentence that says what to do about it. Never holds a secret.
class Error {
public:
    /// What Result::error() gives on a Result that holds a value; boost::system::result asks for it.
    Error() noexcept = default;
    Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

    Errc code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }

    friend bool operator==(const Error& error, Errc code) noexcept { return error.code_ == code; }

private:
    Errc code_ = Errc::server_error;
    std::string message_;
};

/// Thrown only by Result::value() on a Result that holds an Error.
class Exception : public std::runtime_error {
public:
    explicit Exception(const Error& error) : std::runtime_error(error.message()), code_(error.code()) {}
    Errc code() const noexcept { return code_; }

private:
    Errc code_;
};

[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

/// A value or an Error: the one error channel of this library.
template <class T>
using Result = boost::system::result<T, Error>;

} // namespace tiercel
