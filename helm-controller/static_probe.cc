// static_probe.cc - links where helm-controller can be linked statically: names something of each library that it needs.
// Compiled by the build's configuration alone.
#include <archive.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <re2/re2.h>
#include <yaml.h>
#include <zlib.h>

int main()
{
    yaml_parser_t parser;
    archive *reader = archive_read_new();
    return !yaml_parser_initialize(&parser) + archive_read_support_format_tar(reader) +
           archive_read_support_filter_gzip(reader) + !EVP_sha256() + !crypt("", "") + !zlibVersion() +
           RE2::FullMatch("a", "b");
}
