/* No-break spaces are blank in Go and not in Java; separators of files and records the other way.
 */
#include "spec/blank.h"

#include "base/alloc.h"
#include "tap.h"

static void test_blank(void)
{
    static const struct {
        const char *text;
        bool java, go;
    } samples[] = {
        {NULL, true, true},
        {"", true, true},
        {" \t\r\n\v\f", true, true},
        {"\x1c\x1f", true, false},
        {"\xc2\x85", false, true},
        {"\xc2\xa0", false, true},
        {"\xe2\x80\x83\xe3\x80\x80\xe2\x80\xa8", true, true},
        {"\xe2\x80\x87", false, true},
        {"\xe2\x80\xaf", false, true},
        {"\xe2\x80\x8b", false, false}, /* zero width */
        {" x", false, false},
        {" \xe2\x80", false, false},
        {"\xff", false, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        CHECK_INT(blank_java(samples[i].text), samples[i].java);
        CHECK_INT(blank_go(samples[i].text), samples[i].go);
    }
}

TAP_MAIN(TEST(test_blank))
