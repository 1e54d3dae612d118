# SPDX-License-Identifier: Apache-2.0
# Comments of saccade.h as Doxygen reads them: the first one is the file's, those before a declaration belong to it, and
# those behind a member to that member. Section rulers stay as they are.
2s,^/\* ,/** \\file\n * ,
/^\/\* ----/b
s,^( *)/\* ,\1/** ,
s,([^ ] +)/\* ([^*]*)\*/$,\1/**< \2*/,
