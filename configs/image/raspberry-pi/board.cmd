# A Raspberry Pi: memory that is free on the smallest of them, too (512 MB). uboot.env is U-Boot's own environment here: it starts this script
# at once, and asks no keyboard, which may be a scanner. Nothing of U-Boot's is on the passengers' screen.
setenv at 0x02500000
setenv kernel_addr_r 0x04000000
setenv ramdisk_addr_r 0x08000000
setenv bootdelay -2
setenv bootcmd '@BOOTCMD@'
setenv stdin serial
setenv stdout serial
setenv stderr serial
setenv kept "bootdelay bootcmd stdin stdout stderr"
