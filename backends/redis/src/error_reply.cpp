#include "error_reply.hpp"

#include "reply_guard.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace tiercel::redis {

namespace {

struct Meaning {
    std::string_view prefix;
    Errc code;
    std::string_view advice;
};

constexpr std::string_view log_in_advice =
    "the server wants a password; give it in the URL (redis://user:password@host) or in Options::password";
constexpr std::string_view cluster_advice =
    "the key lives on another node of a cluster; use tiercel::redis::connect_cluster";
constexpr std::string_view refuses_writes_advice = "the server refuses writes; see why in its log, or with INFO";

/// The first that the reply begins with counts.
constexpr std::array meanings = {
    Meaning{"NOAUTH", Errc::authentication_failed, log_in_advice},
    Meaning{"WRONGPASS", Errc::authentication_failed, "user name or password is wrong, or the user is disabled"},
    Meaning{"ERR invalid password", Errc::authentication_failed, "the password is wrong"},
    Meaning{"ERR AUTH ", Errc::authentication_failed,
            "the server has no password set for this user; leave it out, or set one on the server"},
    Meaning{"ERR Client sent AUTH", Errc::authentication_failed,
            "the server has no password set; leave it out, or set one on the server"},
    Meaning{"NOPERM", Errc::permission_denied,
            "the user may not run this command or touch this key; widen its ACL on the server"},
    Meaning{"DENIED", Errc::permission_denied,
            "the server is in protected mode; set a password or `bind` on it, or connect through loopback"},
    Meaning{"LOADING", Errc::not_ready, "the server is still loading its data; it will answer when it has"},
    Meaning{"MASTERDOWN", Errc::not_ready, "the replica has lost its master; connect to the master"},
    Meaning{"BUSY", Errc::not_ready, "the server is busy with somebody's script; SCRIPT KILL on it ends that"},
    Meaning{"CLUSTERDOWN", Errc::not_ready,
            "the cluster is down: a slot has no node, or too few masters see each other"},
    Meaning{"TRYAGAIN", Errc::not_ready, "the cluster is moving the key; try again"},
    Meaning{"OOM", Errc::out_of_memory,
            "the server is at its maxmemory; raise it, or set a maxmemory-policy that evicts"},
    Meaning{"READONLY", Errc::read_only, "the server is a replica; connect to the master"},
    Meaning{"MISCONF", Errc::read_only, refuses_writes_advice},
    Meaning{"NOREPLICAS", Errc::read_only, refuses_writes_advice},
    Meaning{"WRONGTYPE", Errc::wrong_type,
            "the key holds a list, a hash or the like; give the cache a key prefix that nobody else uses"},
    Meaning{"MOVED", Errc::moved, cluster_advice},
    Meaning{"ASK", Errc::moved, cluster_advice},
    Meaning{"CROSSSLOT", Errc::moved, cluster_advice},
    Meaning{"ERR max number of clients", Errc::connection_failed,
            "the server has no connection free; raise its maxclients"},
    Meaning{"ERR DB index", Errc::invalid_option, "the server has no such database; see its `databases` setting"},
    Meaning{"ERR invalid DB index", Errc::invalid_option,
            "the server has no such database; see its `databases` setting"},
    Meaning{"ERR This instance has cluster support disabled", Errc::unsupported,
            "the server is not in cluster mode; use tiercel::redis::connect"},
    Meaning{"ERR unknown command", Errc::unsupported,
            "the server does not know the command; it is too old (5.0 is the oldest), or has renamed it"},
    Meaning{too_large_prefix, Errc::value_too_large,
            "the value does not fit into a reply; raise Options::max_reply_bytes, or ask for fewer keys at once"},
};

/// Printable, short, and without the arguments of a command that some errors repeat.
std::string words_of(std::string_view reply) {
    reply = reply.substr(0, reply.find(", with args"));
    std::string words(reply.substr(0, 160));
    std::replace_if(
        words.begin(), words.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return words;
}

} // namespace

Error to_error(std::string_view reply, std::string_view server) {
    std::string message(server);
    message += ": ";
    const auto found =
        std::find_if(meanings.begin(), meanings.end(), [&](const Meaning& m) { return reply.starts_with(m.prefix); });
    if (found == meanings.end()) {
        message += "error reply \"" + words_of(reply) + '"';
        return Error(Errc::server_error, std::move(message));
    }
    message += found->advice;
    if (found->prefix != too_large_prefix) message += " (\"" + words_of(reply) + "\")";
    return Error(found->code, std::move(message));
}

} // namespace tiercel::redis
