#include "support/memcached_server.hpp"

#include <sasl/sasl.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace tiercel::test {

namespace {

/// The binary protocol's no-op, and how every answer of a server in that protocol begins.
const std::string binary_noop("\x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
constexpr std::string_view binary_answer = "\x81";

/// Answers libsasl's questions about its settings; `path` is the database's.
int sasl_setting(void* path, const char* /*plugin*/, const char* name, const char** value, unsigned* size) {
    const std::string_view asked(name);
    if (asked == "auxprop_plugin") {
        *value = "sasldb";
    } else if (asked == "sasldb_path") {
        *value = static_cast<const char*>(path);
    } else {
        return SASL_FAIL;
    }
    if (size != nullptr) *size = static_cast<unsigned>(std::string_view(*value).size());
    return SASL_OK;
}

/// Makes a database of users with this one in it, and has memcached use it.
void write_sasl_settings(const std::filesystem::path& directory, const ServerLogIn& log_in) {
    static const int ready = sasl_server_init(nullptr, "memcached");
    auto path = (directory / "users").string();
    const sasl_callback_t callbacks[] = {
        {SASL_CB_GETOPT, reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(sasl_setting)), path.data()},
        {SASL_CB_LIST_END, nullptr, nullptr}};
    sasl_conn_t* made = nullptr;
    const int begun =
        sasl_server_new("memcached", nullptr, nullptr, nullptr, nullptr, callbacks, SASL_SUCCESS_DATA, &made);
    struct Dispose {
        void operator()(sasl_conn_t* connection) const { sasl_dispose(&connection); }
    };
    const std::unique_ptr<sasl_conn_t, Dispose> connection(made);
    if (ready != SASL_OK || begun != SASL_OK ||
        sasl_setpass(connection.get(), log_in.username.c_str(), log_in.password.c_str(),
                     static_cast<unsigned>(log_in.password.size()), nullptr, 0, SASL_SET_CREATE) != SASL_OK) {
        throw std::runtime_error("no database of SASL users can be made; is the package libsasl2-modules-db there?");
    }
    std::ofstream(directory / "memcached.conf") << "mech_list: plain\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                                                << "sasldb_path: " << path << '\n';
}

} // namespace

MemcachedServer::MemcachedServer(ServerOptions options)
    : Server(std::move(options)), plain_port_(free_loopback_port()) {
    if (const auto& log_in = Server::options().log_in) write_sasl_settings(directory(), *log_in);
    start();
}

std::string MemcachedServer::address() const {
    return "127.0.0.1:" + std::to_string(port());
}

std::vector<std::string> MemcachedServer::command() const {
    std::vector<std::string> words;
    const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
    if (options().log_in) add({find_program("env", "coreutils"), "SASL_CONF_PATH=" + directory().string()});
    words.push_back(find_program("memcached", "memcached"));
    if (options().log_in) words.emplace_back("-S");
    if (::geteuid() == 0) add({"-u", "root"}); // memcached refuses to run as root unless told to
    if (options().unix_socket) {
        add({"-s", unix_socket().string()});
    } else if (const auto& tls = options().tls) {
        add({"-l", address() + ",notls:127.0.0.1:" + std::to_string(plain_port_), "-p", std::to_string(port())});
        add({"-U", "0", "-Z", "-o", "ssl_chain_cert=" + tls->certificate.string()});
        add({"-o", "ssl_key=" + tls->key.string(), "-o", "ssl_ca_cert=" + tls->authority.string()});
        if (tls->asks_clients) add({"-o", "ssl_verify_mode=2"});
    } else {
        add({"-l", "127.0.0.1", "-p", std::to_string(port()), "-U", "0"});
    }
    words.insert(words.end(), options().arguments.begin(), options().arguments.end());
    return words;
}

std::string MemcachedServer::pid_request() const {
    return options().log_in ? binary_noop : "stats\r\n";
}

bool MemcachedServer::answers_without_pid(const std::string& answer) const {
    return answer.starts_with("CLIENT_ERROR unauthenticated") || answer.starts_with(binary_answer);
}

} // namespace tiercel::test
