import {
  ContextMenuItem,
  ContextMenuLabel,
  ContextMenuSeparator,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuSeparator,
} from 'reka-ui'

export const MenuItem = { dropdown: DropdownMenuItem, context: ContextMenuItem }
export const MenuLabel = { dropdown: DropdownMenuLabel, context: ContextMenuLabel }
export const MenuSeparator = { dropdown: DropdownMenuSeparator, context: ContextMenuSeparator }
