/* The one place that says which version this is. */
#ifndef USPD_BASE_VERSION_H
#define USPD_BASE_VERSION_H

#define USPD_VERSION "0.1.0"

#endif
